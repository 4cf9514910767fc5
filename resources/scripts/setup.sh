#!/usr/bin/env bash
# Makes what `make demo` and `make test` need, unless it exists:
#   1. QGIS and Xvfb from Debian's packages,
#   2. .venv, the engine's Python, from resources/engine-requirements.txt and tests/requirements/engine.txt,
#   3. .venv-qgis, QGIS's own Python plus pytest-qgis, from tests/requirements/qgis.txt.
# With the argument `bench`, what `make bench` needs in addition:
#   4. SuiteSparse with its headers, a compiler and OpenBLAS from Debian's packages,
#   5. .venv-bench, the peers that Permea is measured against, from benchmarks/requirements.txt and -compiled.txt.
# With the argument `docs`, what `make docs` needs:
#   6. .venv-docs, the site generator, from docs/requirements.txt.
# With the argument `release`, what `make test-release` needs:
#   7. .venv-release, the scanners of the plugin site and PyQt6, from tests/requirements/release.txt.
# With the argument `engine`, the second alone.
# An environment is made anew when its locked requirements, its Python or its folder change.
# PYTHON (default python3) is the interpreter for .venv; it needs to be 3.11 or newer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The smallest set that runs the plugin, qgis_process, and a QGIS window without a screen.
DEBIAN_PACKAGES=(qgis python3-qgis qgis-providers python3-gdal python3-venv xvfb)
# What PyQt6 needs from the system to draw windows without a screen.
QT6_PACKAGES=(libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0 fonts-dejavu-core python3-venv)
# CHOLMOD, to compile against. On the reference BLAS instead of OpenBLAS it would be ten times slower: no fair comparison.
BENCH_PACKAGES=(libsuitesparse-dev libopenblas0-pthread gcc libc6-dev python3-venv)
QGIS_PYTHON=/usr/bin/python3  # PyQGIS is built for Debian's Python, which may not be the first python3 on the PATH
ATTEMPTS=4

# A caller's Python settings must not leak into the environments made here.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PIP_USER PIP_TARGET PIP_PREFIX
export PIP_CACHE_DIR=$PWD/build/pip-cache PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Runs a command again after a growing pause: package servers time out now and then.
persistently() {
  local attempt
  for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
    "$@" && return 0
    ((attempt == ATTEMPTS)) || { say "attempt $attempt of $ATTEMPTS failed, trying again: ${*:1:5} …"; sleep $((attempt * 5)); }
  done
  return 1
}

SUDO=()
[ "$(id -u)" = 0 ] || SUDO=(sudo)
apt() { "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

# The output of the tools goes to a file; it is shown only if they fail.
quietly() {
  local log=build/$1.log
  shift
  "$@" >"$log" 2>&1 || { tail -n 15 "$log" >&2; return 1; }
}

install_packages() {  # PACKAGE...
  local package missing=()
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: install the content of these packages yourself, if it is missing: $*"
    return
  fi
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  ((${#SUDO[@]} == 0)) || command -v sudo >/dev/null || fail "${missing[*]} must be installed, and that needs root or sudo"
  say "installing Debian's packages, without recommended ones: ${missing[*]}"
  # If a source cannot be updated, the packages may come from another one; if not, the installation reports it.
  persistently quietly apt-update apt update || say "the list of packages could not be updated, continuing with the present one"
  persistently quietly apt-install apt install -y --no-install-recommends "${missing[@]}" \
    || fail "installing ${missing[*]} failed; the log is build/apt-install.log"
}

usable() {  # whether a Python is new enough and can make environments
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

engine_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 "$QGIS_PYTHON"; do
    usable "$candidate" && { command -v "$candidate"; return; }
  done
  fail "the engine needs Python 3.11 or newer with venv; set PYTHON to one, as in: make PYTHON=python3.12"
}

# The key of an environment identifies what it was made from; if the key changes, it is made anew.
key() {  # PYTHON FILE...
  local python=$1
  shift
  { printf '%s\n' "$PWD" && "$python" -VV && cat "$@"; } | sha256sum | cut -d' ' -f1
}

# make_environment FOLDER KEY PYTHON "VENV OPTIONS" FILE...: a venv with exactly the locked requirements of the files.
make_environment() {
  local folder=$1 key=$2 python=$3 options=$4 file requirements=()
  shift 4
  for file in "$@"; do requirements+=(--requirement "$file"); done
  say "making $folder with $("$python" -V) from $*"
  rm -rf "$folder"
  # shellcheck disable=SC2086  # the options are words
  "$python" -m venv $options "$folder"
  persistently quietly "pip$folder" "$folder/bin/python" -m pip install --require-hashes --only-binary :all: \
    --retries 5 "${requirements[@]}" || fail "installing into $folder failed; the log is build/pip$folder.log"
}

engine_environment() {
  local python key files=(resources/engine-requirements.txt tests/requirements/engine.txt)
  python=$(engine_python)
  key=$(key "$python" "${files[@]}")
  [ "$(cat .venv/made-from 2>/dev/null)" = "$key" ] && return 0
  make_environment .venv "$key" "$python" "" "${files[@]}"
  quietly pip.venv-permea .venv/bin/python -m pip install --no-deps --no-build-isolation --no-index --editable . \
    || fail "permea itself could not be installed; the log is build/pip.venv-permea.log"
  echo "$key" >.venv/made-from
}

qgis_environment() {
  local key files=(tests/requirements/qgis.txt)
  "$QGIS_PYTHON" -c 'import qgis.core, osgeo.gdal' 2>/dev/null || fail "$QGIS_PYTHON cannot import qgis.core and osgeo.gdal: install QGIS with its Python"
  key=$(key "$QGIS_PYTHON" "${files[@]}")
  [ "$(cat .venv-qgis/made-from 2>/dev/null)" = "$key" ] && return 0
  make_environment .venv-qgis "$key" "$QGIS_PYTHON" --system-site-packages "${files[@]}"
  # A numpy of its own would break GDAL's bindings, which are built for Debian's.
  .venv-qgis/bin/python -c 'import sys, numpy; sys.exit(numpy.__file__.startswith(sys.prefix))' \
    || fail ".venv-qgis has a numpy of its own; no requirement in tests/requirements/qgis.in may bring one"
  echo "$key" >.venv-qgis/made-from
}

# CHOLMOD's interface has no wheel; it is compiled with the Cython and numpy of the environment.
bench_environment() {
  local python key packages=("${BENCH_PACKAGES[@]}") files=(benchmarks/requirements.txt benchmarks/requirements-compiled.txt)
  python=$(engine_python)
  key=$(key "$python" "${files[@]}")
  [ "$(cat .venv-bench/made-from 2>/dev/null)" = "$key" ] && return 0
  "$python" -c 'import pathlib, sysconfig, sys; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' \
    || packages+=(python3-dev)
  install_packages "${packages[@]}"
  make_environment .venv-bench "$key" "$python" "" "${files[0]}"
  say "compiling CHOLMOD's interface against the SuiteSparse of this system"
  # A wheel in the cache may have been compiled against another SuiteSparse, so none is taken from there.
  persistently quietly pip.venv-bench-compiled .venv-bench/bin/python -m pip install --require-hashes --no-cache-dir \
    --only-binary :all: --no-binary scikit-sparse --no-build-isolation --requirement "${files[1]}" \
    || fail "compiling failed; the log is build/pip.venv-bench-compiled.log"
  .venv-bench/bin/python -c 'import sksparse.cholmod' || fail "CHOLMOD's interface was compiled but cannot be imported"
  echo "$key" >.venv-bench/made-from
}

docs_environment() {
  local python key files=(docs/requirements.txt)
  python=$(engine_python)
  key=$(key "$python" "${files[@]}")
  [ "$(cat .venv-docs/made-from 2>/dev/null)" = "$key" ] && return 0
  make_environment .venv-docs "$key" "$python" "" "${files[@]}"
  echo "$key" >.venv-docs/made-from
}

release_environment() {
  local python key files=(tests/requirements/release.txt)
  python=$(engine_python)
  key=$(key "$python" "${files[@]}")
  [ "$(cat .venv-release/made-from 2>/dev/null)" = "$key" ] && return 0
  install_packages "${QT6_PACKAGES[@]}"
  make_environment .venv-release "$key" "$python" "" "${files[@]}"
  echo "$key" >.venv-release/made-from
}

mkdir -p build
case "${1:-}" in
  "")
    install_packages "${DEBIAN_PACKAGES[@]}"
    engine_environment
    qgis_environment
    ;;
  engine) engine_environment ;;
  bench) bench_environment ;;
  docs) docs_environment ;;
  release) release_environment ;;
  *) fail "unknown argument $1: give none, engine, bench, docs or release" ;;
esac
