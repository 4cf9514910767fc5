#!/usr/bin/env bash
# Locks the lists of requirements: exact versions with hashes, for every Python from 3.11 on and every platform
# (distinguished by environment markers). The engine's lock comes first; the test tools are chosen around it.
# The peers of the benchmarks share nothing with either.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
UV_VERSION=0.13.8

mkdir -p build
[ -x build/lock-env/bin/uv ] || { "${PYTHON:-python3}" -m venv build/lock-env && build/lock-env/bin/python -m pip install --quiet "uv==$UV_VERSION"; }

lock() {  # LIST LOCKED
  build/lock-env/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-cache \
    --custom-compile-command 'make lock' "$1" --output-file "$2"
}

echo "uv==$UV_VERSION" >resources/uv-requirements.in
lock resources/uv-requirements.in resources/uv-requirements.txt
lock resources/engine-requirements.in resources/engine-requirements.txt
lock resources/engine-requirements-cuda.in resources/engine-requirements-cuda.txt
lock tests/requirements/engine.in tests/requirements/engine.txt
lock tests/requirements/qgis.in tests/requirements/qgis.txt
lock tests/requirements/release.in tests/requirements/release.txt
lock benchmarks/requirements.in benchmarks/requirements.txt
lock benchmarks/requirements-compiled.in benchmarks/requirements-compiled.txt
lock docs/requirements.in docs/requirements.txt
