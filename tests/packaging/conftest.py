"""Fixtures: the plugin package, built once from this checkout, and unpacked."""

from package_fixtures import build_zip, package, root, unpacked

__all__ = ["build_zip", "package", "root", "unpacked"]
