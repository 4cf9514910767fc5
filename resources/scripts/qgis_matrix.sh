#!/usr/bin/env bash
# Runs the tests of the plugin in several versions of QGIS, each in a Debian of its own, and prints how many passed.
#
#   resources/scripts/qgis_matrix.sh [VERSION...]     3.22 3.40 3.44; all of them by default
#
# Needs root, a Debian with debootstrap, and about 3 GB of disk for each version. A second run starts at the tests.
# Environment variables:
#   PERMEA_MATRIX_FOLDER     where the systems are made and kept (default: build/matrix)
#   PERMEA_MATRIX_TESTS      what pytest runs (default: the tests of `make test-qgis`), as in "tests/plugin -k metadata"
#   DEBIAN_MIRROR            the archive to install from (default: the one that apt uses here)
#   PERMEA_REFERENCE_DATA    the reference data of the tests (default: ../shared/data, if it is there)
#   http_proxy, https_proxy, no_proxy, PIP_INDEX_URL, PIP_DEFAULT_TIMEOUT, PYTEST_XDIST_AUTO_NUM_WORKERS   passed on
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
CHECKOUT=$PWD
FOLDER=${PERMEA_MATRIX_FOLDER:-$CHECKOUT/build/matrix}
RESULTS=$CHECKOUT/build/matrix-results
DATA=${PERMEA_REFERENCE_DATA:-$CHECKOUT/../shared/data}
INSIDE=/srv/permea
# What a bare system needs in addition to what `make setup` installs.
PACKAGES=ca-certificates,git,make,openssl,procps,python3,python3-venv
PASSED_ON=(http_proxy https_proxy no_proxy PIP_INDEX_URL PIP_DEFAULT_TIMEOUT PYTEST_XDIST_AUTO_NUM_WORKERS)

say() { printf 'matrix: %s\n' "$*"; }
fail() { printf 'matrix: %s\n' "$*" >&2; exit 1; }

suite_of() {  # VERSION: the Debian release that has it, and its suite
  case $1 in
    3.22) echo bookworm bookworm ;;
    3.40) echo trixie trixie ;;
    3.44) echo trixie trixie-backports ;;
    *) fail "QGIS $1 is not available here: choose from 3.22, 3.40 and 3.44" ;;
  esac
}

mirror() {
  local uri=${DEBIAN_MIRROR:-}
  # shellcheck disable=SC2016  # apt-get replaces these
  [ -n "$uri" ] || uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | head -n 1)
  [ -n "$uri" ] || fail "no Debian archive is known to apt here: set DEBIAN_MIRROR"
  echo "$uri"
}

# bootstrap ROOT VERSION: a bare Debian that installs this version of QGIS.
bootstrap() {
  local root=$1 version=$2 debian suite archive
  read -r debian suite <<<"$(suite_of "$version")"
  [ -e "$root/made" ] && return 0
  archive=$(mirror)
  say "QGIS $version: making a Debian $debian in $root"
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase --include="$PACKAGES" "$debian" "$root" "$archive" >"$RESULTS/$version-system.log" 2>&1 \
    || fail "debootstrap failed; the log is $RESULTS/$version-system.log"
  if [ "$suite" != "$debian" ]; then
    echo "deb $archive $suite main" >"$root/etc/apt/sources.list.d/$suite.list"
    printf 'Package: *\nPin: release n=%s\nPin-Priority: 500\n' "$suite" >"$root/etc/apt/preferences.d/$suite"
  fi
  touch "$root/made"
}

# inside ROOT COMMAND...: run a command in the system, with mounts that exist only meanwhile.
inside() {
  local root=$1 name settings=()
  shift
  for name in "${PASSED_ON[@]}"; do [ -z "${!name:-}" ] || settings+=("$name=${!name}"); done
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    root=$1; data=$2; shift 2
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    if [ -d "$data" ]; then mkdir -p "$root/srv/shared/data"; mount --bind "$data" "$root/srv/shared/data"; fi
    exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive "$@"' _ "$root" "$DATA" "${settings[@]}" "$@"
}

# Put the files of the checkout into the system; its environments and their compiled code stay.
update_checkout() {
  local target=$1$INSIDE
  mkdir -p "$target"
  find "$target" -mindepth 1 -maxdepth 1 ! -name '.venv*' ! -name build -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | tar --create --null --files-from - | tar --extract --directory "$target"
}

# Resolve names and trust servers as on this machine.
update_network() {
  cp /etc/resolv.conf /etc/hosts "$1/etc/"
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
  [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/"
}

run_tests() {  # VERSION
  local version=$1 root=$FOLDER/$1 tests=(make -C $INSIDE test-qgis) found
  rm -f "$RESULTS/$version".*
  bootstrap "$root" "$version"
  update_network "$root"
  update_checkout "$root"
  say "QGIS $version: installing"
  inside "$root" make -C $INSIDE setup >"$RESULTS/$version-setup.log" 2>&1 \
    || { say "QGIS $version: setup failed; the log is $RESULTS/$version-setup.log"; return; }
  found=$(inside "$root" /usr/bin/python3 -c 'from qgis.core import Qgis; print(Qgis.QGIS_VERSION)' 2>/dev/null)
  echo "$found" >"$RESULTS/$version.found"
  say "QGIS $version: running the tests in $found"
  [ -z "${PERMEA_MATRIX_TESTS:-}" ] || tests+=("QGIS_TESTS=$PERMEA_MATRIX_TESTS")
  inside "$root" PYTEST_ADDOPTS="--junit-xml=build/matrix.xml" "${tests[@]}" >"$RESULTS/$version.log" 2>&1 || true
  cp "$root$INSIDE/build/matrix.xml" "$RESULTS/$version.xml" 2>/dev/null || say "QGIS $version: the tests wrote no report; the log is $RESULTS/$version.log"
}

# Bash reads the function as a whole before it runs it, so the script may change meanwhile.
main() {
  local version versions=("$@")
  ((${#versions[@]})) || versions=(3.22 3.40 3.44)
  [ "$(id -u)" = 0 ] || fail "a system of its own for each version needs root: sudo make test-matrix"
  command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"
  for version in "${versions[@]}"; do suite_of "$version" >/dev/null; done
  mkdir -p "$FOLDER" "$RESULTS"
  for version in "${versions[@]}"; do run_tests "$version"; done
  exec python3 resources/scripts/matrix_table.py "$RESULTS" "${versions[@]}"
}

main "$@"; exit
