"""Build the package that QGIS installs: one folder, `permea`, with what runs and nothing else.

The same sources give the same bytes: the entries are sorted and carry one fixed date.

    python3 resources/scripts/build_zip.py [--release] [PACKAGE]

Without PACKAGE it is build/permea-<version>.zip. With --release it is built only if it can be published: the addresses
in the metadata are real ones, and the changes of the version have a date.
"""

import argparse
import configparser
import os
import re
import sys
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]

SINGLE_FILES = ("__init__.py", "metadata.txt", "LICENSE", "CHANGELOG.md", "CITATION.cff")
FOLDERS = ("engine", "plugin", "ui", "resources")
# Scripts for developers.
LEFT_OUT = ("resources/scripts",)
# Python and GDAL leave these behind; they are not part of the sources.
LEFT_BEHIND = ("__pycache__",)
LEFT_BEHIND_SUFFIXES = (".pyc", ".tif.aux.xml")

# Kinds of files in the plugin. Any other kind stops the build, so that no compiled library and no private data slip
# into a package; a new kind of file needs an entry here.
KINDS = ".py .txt .in .md .svg .png .qml .model3 .html .css .json .csv .tif .gpkg .geojson .xml .ts .qm".split()
LARGEST_PACKAGE = 25 * 1024 * 1024  # bytes that the plugin site accepts
FIXED_DATE = (2020, 1, 1, 0, 0, 0)

# Empty in metadata.txt until the plugin is published, because these pages do not exist before.
ADDRESSES = ("tracker", "repository", "homepage")
# Reserved names (RFC 2606, RFC 6761).
NO_REAL_HOST = re.compile(r"(^|\.)(example(\.(com|net|org))?|test|invalid|localhost)$")


def main() -> int:
    """Build the package that the command line names, and print its size."""
    parser = argparse.ArgumentParser(description="Build the package that QGIS installs.")
    parser.add_argument("package", nargs="?", type=Path)
    parser.add_argument("--release", action="store_true", help="refuse to build what cannot be published")
    arguments = parser.parse_args()
    package = arguments.package or ROOT / "build" / f"permea-{version()}.zip"
    try:
        if arguments.release:
            require_publishable()
        files = build(package)
    except ValueError as problem:
        print(f"build_zip: {problem}", file=sys.stderr)
        return 1
    print(f"{package}: {len(files)} files, {package.stat().st_size / 1024:.0f} kB")
    return 0


def metadata(root: Path = ROOT) -> dict[str, str]:
    """Return the plugin's metadata."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(root / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


def version(root: Path = ROOT) -> str:
    """Return the plugin's version from its metadata."""
    return metadata(root)["version"]


def require_publishable(root: Path = ROOT) -> None:
    """Check what a package needs to be published.

    Raises
    ------
    ValueError
        An address is missing or cannot exist, or the version has no date in CHANGELOG.md.
    """
    values = metadata(root)
    lacking = [
        f"metadata.txt: {name} is {values.get(name) or 'empty'}"
        for name in ADDRESSES
        if not is_link(values.get(name, ""))
    ]
    if not is_mail_address(values.get("email", "")):
        lacking.append(f"metadata.txt: email is {values.get('email') or 'empty'}")
    heading, _ = changes(root)
    if not re.search(r"\d{4}-\d{2}-\d{2}$", heading):
        lacking.append(f"CHANGELOG.md: no date in “{heading}”")
    if lacking:
        raise ValueError("this cannot be published yet:\n  " + "\n  ".join(lacking))


def is_link(text: str) -> bool:
    """Return whether a text is the address of a page that may exist."""
    address = urlsplit(text)
    host = address.hostname or ""
    return address.scheme == "https" and "." in host and not NO_REAL_HOST.search(host)


def is_mail_address(text: str) -> bool:
    """Return whether a text is a mail address that may exist."""
    name, at, host = text.rpartition("@")
    return bool(name and at and "." in host) and not NO_REAL_HOST.search(host)


def changes(root: Path = ROOT) -> tuple[str, str]:
    """Return the heading and the text of the version's section in CHANGELOG.md.

    Raises
    ------
    ValueError
        The version has no section.
    """
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"(?ms)^## ({re.escape(version(root))}\b[^\n]*)\n(.*?)(?=^## |\Z)", text)
    if section is None:
        raise ValueError(f"CHANGELOG.md has no section for version {version(root)}")
    return section[1], section[2].strip()


def with_changes(text: str, root: Path = ROOT) -> str:
    """Return metadata whose `changelog` is the version's section in CHANGELOG.md.

    QGIS and the plugin site read the metadata with Python's configparser: continuation lines are indented, and there is
    no percent sign, which would refer to another value.
    """
    plain = re.sub(r"[*`]|(?m:^#+ )", "", changes(root)[1])
    plain = re.sub(r"\s*%", " percent", plain)
    lines = [f"    {line}" for line in plain.splitlines() if line.strip()]
    return re.sub(
        r"(?m)^changelog=.*\n(?:[ \t]+.*\n)*", lambda _: "\n".join([f"changelog={version(root)}:", *lines, ""]), text
    )


def build(package: Path, root: Path = ROOT, *, largest: int = LARGEST_PACKAGE) -> list[str]:
    """Write the package and return the names of the files in it.

    Parameters
    ----------
    package
        Path of the zip file, which is replaced when the new one is complete.
    root
        The checkout to build from.
    largest
        Bytes that the package may have.

    Raises
    ------
    ValueError
        A file is of an unknown kind, or the package is larger than allowed.
    """
    files = sources(root)
    package.parent.mkdir(parents=True, exist_ok=True)
    unfinished = package.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files:
            entry = zipfile.ZipInfo(f"permea/{file}", FIXED_DATE)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content(file, root), zipfile.ZIP_DEFLATED, 9)
    size = unfinished.stat().st_size
    if size > largest:
        unfinished.unlink()
        raise ValueError(f"the package has {size / 1e6:.1f} MB, more than the {largest / 1e6:.1f} MB allowed")
    os.replace(unfinished, package)
    return [f"permea/{file}" for file in files]


def content(file: str, root: Path = ROOT) -> bytes:
    """Return the content of a source file in the package."""
    if file == "metadata.txt":
        return with_changes((root / file).read_text(encoding="utf-8"), root).encode("utf-8")
    return (root / file).read_bytes()


def sources(root: Path = ROOT) -> list[str]:
    """Return the sorted paths of the plugin's files, relative to the root, with `/`.

    Raises
    ------
    ValueError
        A file is missing or of an unknown kind.
    """
    missing = [name for name in SINGLE_FILES if not (root / name).is_file()]
    if missing:
        raise ValueError(f"missing: {', '.join(missing)}")
    paths = [path.relative_to(root) for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    files = [path.as_posix() for path in paths if belongs(path)]
    unknown = [file for file in files if not file.endswith(tuple(KINDS))]
    if unknown:
        raise ValueError(f"unknown kinds of files (see KINDS in {Path(__file__).name}): {', '.join(unknown)}")
    return sorted([*SINGLE_FILES, *files])


def belongs(path: Path) -> bool:
    """Return whether a file in the plugin's folders is part of the package."""
    inside_left_out = any(path.as_posix().startswith(f"{folder}/") for folder in LEFT_OUT)
    left_behind = any(part in LEFT_BEHIND for part in path.parts) or path.name.endswith(LEFT_BEHIND_SUFFIXES)
    hidden = any(part.startswith(".") for part in path.parts)
    return not (inside_left_out or left_behind or hidden)


if __name__ == "__main__":
    sys.exit(main())
