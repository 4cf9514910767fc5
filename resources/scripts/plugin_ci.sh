#!/usr/bin/env bash
# Runs qgis-plugin-ci on the package. It requires a git repository with the plugin in a folder; here the repository is the plugin.
#
#   resources/scripts/plugin_ci.sh package 0.1.0
#   resources/scripts/plugin_ci.sh release 0.1.0 --osgeo-username NAME --osgeo-password WORD
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
VERSION=2.10.0
STAGE=build/plugin-ci

[ -x build/plugin-ci-env/bin/qgis-plugin-ci ] || {
  "${PYTHON:-python3}" -m venv build/plugin-ci-env
  build/plugin-ci-env/bin/python -m pip install --quiet "qgis-plugin-ci==$VERSION"
}
TOOL=$PWD/build/plugin-ci-env/bin/qgis-plugin-ci
python3 resources/scripts/build_zip.py build/permea.zip
rm -rf "$STAGE"
mkdir -p "$STAGE"
python3 -m zipfile --extract build/permea.zip "$STAGE"
cp .qgis-plugin-ci "$STAGE/"
cd "$STAGE"
git init --quiet
git add --all --force
git -c user.name=Permea -c user.email= commit --quiet --message "The package"
exec "$TOOL" "$@"
