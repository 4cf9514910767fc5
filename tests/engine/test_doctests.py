"""The examples in the engine's documentation are true."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import permea.engine

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(permea.engine.__path__, "permea.engine.")
    if not found.name.endswith("__main__")
)


class Finder(doctest.DocTestFinder):
    """Finder that includes the examples of wrapped functions (type checks, custom derivatives)."""

    def _from_module(self, module, object):
        return getattr(object, "__module__", module.__name__) == module.__name__


def examples(module):
    tests = {test.name: test for test in Finder().find(module) if test.examples}
    # A function with a derivative of its own is an object, which doctest passes by.
    for name, value in vars(module).items():
        wrapped = getattr(value, "fn", getattr(value, "fun", None))
        if callable(wrapped) and wrapped.__module__ == module.__name__ and f"{module.__name__}.{name}" not in tests:
            for test in Finder().find(inspect.unwrap(wrapped), name, module, module.__dict__.copy()):
                tests[f"{module.__name__}.{name}"] = test
    return tests.values()


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_hold(name):
    module = importlib.import_module(name)
    tests = list(examples(module))
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said = []
    for test in tests:
        runner.run(test, out=said.append)
    written = inspect.getsource(module).count(">>> ")
    assert sum(len(test.examples) for test in tests) == written, "an example was not collected"
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
