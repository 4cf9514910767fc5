"""Make this checkout importable as `permea`, whatever its folder is called, in the engine's Python and in QGIS's."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load_checkout_as_permea():
    spec = importlib.util.spec_from_file_location(
        "permea", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["permea"] = module
    spec.loader.exec_module(module)


def make_importable(path):
    """Import a file of helpers under its own name; the importlib mode of pytest leaves `sys.path` alone."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)


load_checkout_as_permea()
for name in ("qt_names", "package_fixtures", "report_page"):
    make_importable(ROOT / "tests" / f"{name}.py")


def use_separate_home(worker):
    """Give a worker process its own home, so that no other changes its QGIS settings."""
    home = Path(os.environ["HOME"], worker)
    runtime = home / "run"
    runtime.mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    os.environ |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)}


# Tests in QGIS have a home in the checkout; those of the engine have the user's.
if "PYTEST_XDIST_WORKER" in os.environ and Path(os.environ["HOME"]).is_relative_to(ROOT):
    use_separate_home(os.environ["PYTEST_XDIST_WORKER"])


@pytest.fixture(autouse=True)
def no_lost_exceptions():
    """Fail the test if an exception leaves a slot: without a hook, PyQt ends the process."""
    lost, usual = [], sys.excepthook
    sys.excepthook = lambda kind, error, traceback: lost.append(error)
    yield
    sys.excepthook = usual
    if lost:
        raise lost[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark all variants but the first of tests with `costly_variants` as costly."""
    seen = set()
    for item in items:
        if item.get_closest_marker("costly_variants") is None:
            continue
        function = (item.path, item.originalname)
        if function in seen:
            item.add_marker("costly")
        seen.add(function)
