"""The rules of the architecture, checked in the sources: which module may import which, and what no file may hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("engine", "plugin", "ui")
OTHERS = ("tests", "benchmarks", "resources")
LONGEST_FILE = 400  # lines

# The rooms of each part, in order: a room may import only the rooms that stand before it.
ORDER = {
    "engine": (
        "hashable_function",
        "counts",
        "parallel",
        "storage",
        "linalg",
        "graph",
        "shortest_paths",
        "random_walks",
        "distances",
        "circuits",
        "paths",
        "connectivity",
        "restoration",
        "moving_window",
        "traces",
        "jacobians",
        "exploration",
        "worker",
        "__main__",
    ),
    "plugin": (
        "i18n",
        "byte_sizes",
        "decimal_numbers",
        "shell_quoting",
        "system_errors",
        "distance_registry",
        "cancelled",
        "detailed_exception",
        "temporary_folder",
        "npy_file",
        "layers",
        "process_runner",
        "settings",
        "engine_errors",
        "engine_folders",
        "engine_environment",
        "engine_offer",
        "installer",
        "runner",
        "circuitscape",
        "algorithms",
        "processing_options",
        "provider",
    ),
}
# The face of a part gathers what others may use; nothing inside the part may import it.
FACE = "__init__"
MAY_IMPORT_PARTS = {"engine": {"engine"}, "plugin": {"plugin"}, "ui": {"ui", "plugin"}, "__init__": {"ui"}}
MAY_IMPORT_PACKAGES = {
    "engine": {"numpy", "scipy", "jax", "equinox", "jaxtyping", "psutil", "threadpoolctl", "numba", "distributed"},
    "plugin": {"numpy", "osgeo", "qgis", "processing"},
    "ui": {"numpy", "osgeo", "qgis", "processing"},
    "__init__": set(),
}

# What is not installed with the engine is imported in one file each, when it is needed.
OPTIONAL_PACKAGES = {"distributed": Path("engine/moving_window/dispatch/dask.py")}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base2"}
FORBIDDEN_MODULES = {"pickle", "subprocess", "tarfile", "shelve", "marshal"}
FORBIDDEN_CALLS = {"urlopen", "exec_", "system", "popen"}
FORBIDDEN_BUILTINS = {"eval", "exec", "print"}  # a dialog's exec() is a method
COMPILED = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"PK\x03\x04", b"\x1f\x8b", b"!<arch>")
# Put together from pieces, so that this file does not hold what it looks for.
MACHINE_FOLDERS = "|".join(["ro" + "ot", "wo" + "rk", "t" + "mp", "ho" + "me", "Us" + "ers"])
MACHINE_PATHS = re.compile(rf"(?<![\w.$}}~-])/(?:{MACHINE_FOLDERS})/\w")


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def python_files(*folders):
    files = [path.relative_to(ROOT) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [file for file in files if "__pycache__" not in file.parts]


def shipped_files():
    return [Path("__init__.py"), *python_files(*SHIPPED)]


def tree(file):
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), filename=str(file))


def part_and_room(module):
    """`("engine", "grid")` of the module `engine.grid.something`; the face of a part is its own room."""
    part, *rooms = module
    return part, rooms[0] if rooms else FACE


def imports(file):
    """Yield `(line, module, relative)` of every import in a file, wherever it stands.

    `module` is a list of names, for a relative import from the root on.
    """
    here = [*file.parent.parts, file.stem]
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.split("."), False
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module.split("."), False
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level]
            for alias in node.names:
                yield node.lineno, imported_module([*start, *(node.module or "").split(".")], alias.name), True


def imported_module(module, name):
    """The module that `from .module import name` imports: the module `name` if there is one, else `module`."""
    module = [part for part in module if part]
    whole = ROOT.joinpath(*module, name)
    return [*module, name] if whole.with_suffix(".py").is_file() or whole.is_dir() else (module or [FACE])


def assert_none(findings):
    assert not findings, "\n" + "\n".join(findings)


def test_every_room_stands_in_the_order():
    assert_none(
        [
            f"{part}/{path.name} is missing in ORDER: decide what it may import"
            for part, order in ORDER.items()
            for path in sorted((ROOT / part).iterdir())
            if (path.is_dir() or path.suffix == ".py") and not path.name.startswith((".", "__pycache__"))
            if path.stem not in (*order, FACE)
        ]
    )


def test_imports_run_one_way():
    findings = []
    for file in shipped_files():
        part, room = part_and_room([*file.parent.parts, file.stem])
        for line, module, relative in imports(file):
            if not relative:
                continue
            other_part, other_room = part_and_room(module)
            if other_part not in MAY_IMPORT_PARTS[part]:
                findings.append(f"{file}:{line}: {part} must not import {other_part}")
            elif part == other_part and part in ORDER and room not in (other_room, FACE):
                order = ORDER[part]
                before = order[: order.index(room)] if room in order else ()
                if other_room not in before:
                    findings.append(
                        f"{file}:{line}: {part}.{room} must not import {part}.{other_room}: it does not stand before"
                    )
    assert_none(findings)


def test_parts_import_only_allowed_packages():
    assert_none(
        [
            f"{file}:{line}: {file.parts[0]} must not import {module[0]}"
            for file in shipped_files()
            for line, module, relative in imports(file)
            if not relative and module[0] not in sys.stdlib_module_names
            if module[0] not in MAY_IMPORT_PACKAGES[part_and_room([*file.parent.parts, file.stem])[0]]
        ]
    )


def test_optional_packages_are_imported_lazily_in_one_file():
    assert_none(
        [
            f"{file}:{line}: {name} may be missing"
            for file in shipped_files()
            for line, module, relative in imports(file)
            if not relative and (name := module[0]) in OPTIONAL_PACKAGES
            if file != OPTIONAL_PACKAGES[name] or line in {node.lineno for node in tree(file).body}
        ]
    )


def test_imports_inside_the_package_are_relative():
    assert_none(
        [
            f"{file}:{line}: write this import relatively"
            for file in shipped_files()
            for line, module, relative in imports(file)
            if not relative and module[0] in ("permea", *SHIPPED)
        ]
    )


def package_of(module):
    """The package that a module belongs to, as a list of names; a package belongs to itself."""
    return module if ROOT.joinpath(*module).is_dir() else module[:-1]


def listed_names(package):
    """The names that the `__init__` of a package lists in `__all__`."""
    for node in tree(Path(*package, "__init__.py")).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            return set(ast.literal_eval(node.value))
    return set()


def crossing_imports(part):
    """Yield `(file, line, module, name)` of every import from a package that does not contain the importing file."""
    for file in python_files(part):
        here = list(file.parent.parts)
        for node in ast.walk(tree(file)):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            module = [*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else [])]
            package = package_of(module)
            # A package belongs to its sub-packages, and they to it.
            if here[: len(package)] != package and package[: len(here)] != here:
                yield from ((file, node.lineno, module, alias.name) for alias in node.names)


@pytest.mark.parametrize("part", ["engine", "plugin"])
def test_packages_use_only_what_others_list(part):
    assert_none(
        [
            f"{file}:{line}: {'.'.join(package_of(module))} does not list {name}"
            for file, line, module, name in crossing_imports(part)
            if module != package_of(module) or name not in listed_names(module)
        ]
    )


def test_no_function_hides_a_module():
    assert_none(
        [
            f"{'/'.join(package)}: {name} is a module and a name that the package lists"
            for file in python_files("engine", "plugin")
            if file.name == "__init__.py" and (package := list(file.parent.parts))
            for name in listed_names(package)
            if (ROOT.joinpath(*package, f"{name}.py")).is_file()
        ]
    )


def test_no_test_replaces_a_constant_of_the_engine():
    pattern = re.compile(
        r"monkeypatch\.setattr\(\s*[\w.\"]*engine[\w.]*|monkeypatch\.setattr\([^)]*[\"'.][A-Z][A-Z_]{2,}[\"']"
    )
    assert_none(
        [
            f"{file}:{number}: pass an argument instead: {line.strip()}"
            for file in python_files("tests/engine")
            for number, line in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1)
            if pattern.search(line)
        ]
    )


def test_files_have_at_most_400_lines():
    assert_none(
        [
            f"{file} has {lines} lines, more than {LONGEST_FILE}: it is two rooms"
            for file in [*shipped_files(), *python_files(*OTHERS)]
            if (lines := len((ROOT / file).read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
        ]
    )


def test_no_catch_all_names():
    assert_none(
        [
            f"{file}: a catch-all name"
            for file in tracked_files()
            if FORBIDDEN_NAMES & {p.split(".")[0] for p in file.parts}
        ]
    )


def test_no_machine_paths():
    findings = []
    for file in tracked_files():
        content = (ROOT / file).read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if MACHINE_PATHS.search(line):
                findings.append(f"{file}:{number}: a path of one machine: {line.strip()[:100]}")
    assert_none(findings)


def test_no_compiled_files():
    compiled = [
        f
        for f in tracked_files()
        if (ROOT / f).read_bytes()[:8].startswith(COMPILED) or f.suffix in (".pyc", ".so", ".dll")
    ]
    assert_none([f"{file} is compiled or an archive" for file in compiled])


def test_shipped_code_passes_the_plugin_site_scan():
    assert_none(
        [f"{file}:{line}: {what}" for file in shipped_files() for line, what in forbidden_constructs(tree(file))]
    )


def forbidden_constructs(module):
    for node in ast.walk(module):
        if isinstance(node, ast.Assert):
            yield node.lineno, "assert is no check: it can be switched off"
        elif isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node.lineno, "except without a type"
            if all(isinstance(statement, ast.Pass) for statement in node.body):
                yield node.lineno, "an error is swallowed"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.name for alias in node.names} | (
                {node.module} if isinstance(node, ast.ImportFrom) and not node.level else set()
            )
            for name in sorted(names & FORBIDDEN_MODULES):
                yield node.lineno, f"{name} is not used in what is shipped"
        elif isinstance(node, ast.Call):
            builtin = getattr(node.func, "id", None)
            called = node.func.attr if isinstance(node.func, ast.Attribute) else builtin
            if called in FORBIDDEN_CALLS or builtin in FORBIDDEN_BUILTINS:
                yield node.lineno, f"{called}() is not used in what is shipped"


def test_qt_is_reached_only_through_qgis():
    names = [(file, line, module[0]) for file in shipped_files() for line, module, _ in imports(file)]
    assert_none(
        [
            f"{file}:{line}: from qgis.PyQt, not {name}"
            for file, line, name in names
            if re.match(r"PyQt|PySide|sip$", name)
        ]
    )


@pytest.mark.parametrize("part", SHIPPED)
def test_public_objects_have_docstrings(part):
    trees = {file: tree(file) for file in python_files(part)}
    classes = {
        node.name: node for module in trees.values() for node in ast.walk(module) if isinstance(node, ast.ClassDef)
    }
    assert_none([finding for file, module in trees.items() for finding in undocumented(file, module, classes)])


def undocumented(file, module, classes):
    if module.body and not ast.get_docstring(module):
        yield f"{file}:1: the module has no docstring"
    for node in module.body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            yield f"{file}:{node.lineno}: {node.name} has no docstring"
        for method in node.body if isinstance(node, ast.ClassDef) else ():
            if (
                isinstance(method, ast.FunctionDef)
                and not method.name.startswith("_")
                and not is_documented(method, node, classes)
            ):
                yield f"{file}:{method.lineno}: {node.name}.{method.name} has no docstring"


def is_documented(method, owner, classes):
    """Tell whether a method, or the one that it overrides, has a docstring; QGIS and Qt explain those they call."""
    if ast.get_docstring(method):
        return True
    for base in owner.bases:
        name = base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
        if re.match(r"Q[A-Z]|Qgs|Qgis", name):
            return True
        if name in classes:
            inherited = [m for m in classes[name].body if isinstance(m, ast.FunctionDef) and m.name == method.name]
            if any(ast.get_docstring(m) for m in inherited) or is_documented(method, classes[name], classes):
                return True
    return False
