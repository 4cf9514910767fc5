"""Make this checkout importable as `permea`, whatever its folder is called, in the engine's Python and in QGIS's."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def load_checkout_as_permea():
    spec = importlib.util.spec_from_file_location(
        "permea", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["permea"] = module
    spec.loader.exec_module(module)


load_checkout_as_permea()
