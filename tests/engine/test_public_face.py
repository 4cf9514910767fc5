"""What `permea.engine` offers: names that exist, loaded when they are first used."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import permea.engine

PARENT = Path(permea.engine.__file__).resolve().parents[1]
PROGRAM = """
import importlib.util, sys
root = {root!r}
spec = importlib.util.spec_from_file_location("permea", root + "/__init__.py", submodule_search_locations=[root])
module = sys.modules["permea"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import permea.engine as engine
print(sorted(name for name in sys.modules if name.startswith("permea.engine.")))
print(engine.circuits.GridCircuit.__name__, engine.GridGraph.__name__)
"""


@pytest.mark.parametrize("name", permea.engine.__all__)
def test_public_names_exist(name):
    assert getattr(permea.engine, name) is not None


def test_dir_lists_public_names_only():
    assert set(dir(permea.engine)) == {*permea.engine.__all__, "__version__"}


def test_unknown_names_raise_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        permea.engine.nothing  # noqa: B018


def test_subpackages_load_when_first_used():
    program = PROGRAM.format(root=str(PARENT))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert done.stdout.splitlines() == ["[]", "GridCircuit GridGraph"], done.stderr


@pytest.mark.parametrize(
    "name", [n for n in permea.engine.__all__ if isinstance(getattr(permea.engine, n), ModuleType)]
)
def test_names_of_subpackages_exist(name):
    package = getattr(permea.engine, name)
    missing = [public for public in package.__all__ if not hasattr(package, public)]
    assert not missing
    assert not [public for public in package.__all__ if isinstance(getattr(package, public), ModuleType)]
