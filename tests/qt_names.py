"""Names of Qt and QGIS in a source file, to be looked up in another version of either."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class UsedName:
    """A name imported from QGIS or Qt, with the attributes that follow it: `Qt.ItemDataRole.UserRole`."""

    file: Path
    line: int
    module: str
    path: tuple[str, ...]

    def __str__(self):
        return f"{self.file}:{self.line}: {'.'.join(self.path)}"


def sources(*folders):
    """Return the Python files in folders of the checkout, relative to it."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path.relative_to(ROOT) for path in paths if "__pycache__" not in path.parts]


def tree_of(file):
    """Return the syntax tree of a file without the code for other versions of Qt or QGIS."""
    return _OneVersion().visit(ast.parse((ROOT / file).read_text(encoding="utf-8")))


class _OneVersion(ast.NodeTransformer):
    """Removes code that runs only in an older version: after `except ImportError`, and below a version number."""

    def visit_Try(self, node):
        self.generic_visit(node)
        node.handlers = [each for each in node.handlers if getattr(each.type, "id", "") != "ImportError"]
        return node if node.handlers or node.finalbody else node.body

    def visit_If(self, node):
        self.generic_visit(node)
        if "QGIS_VERSION_INT" in ast.dump(node.test):
            return node.body
        return node


def used_names(file):
    """Return every name from `qgis` in a file, each with all attributes that follow it."""
    tree = tree_of(file)
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module.split(".")[0] == "qgis":
            modules |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = [UsedName(file, 1, module, (name,)) for module, name in modules.values()]
    for node in ast.walk(tree):
        path = _path(node) if id(node) not in inner else ()
        if path and path[0] in modules:
            module, name = modules[path[0]]
            names.append(UsedName(file, node.lineno, module, (name, *path[1:])))
    return names


def _path(node):
    """Return `("Qt", "ItemDataRole")` of `Qt.ItemDataRole`; an empty tuple for anything but a chain of names."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute) and (path := _path(node.value)):
        return (*path, node.attr)
    return ()


def attributes(file):
    """Yield `(line, names)` of each attribute that is not part of a chain of names from `qgis`."""
    imported = {name.path[0] for name in used_names(file)}
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Attribute):
            path = _path(node) or ("", node.attr)
            if path[0] not in imported:
                yield node.lineno, path


def imported_modules(file):
    """Yield `(line, module)` of each absolute import in a file."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module


def resolved(name, module):
    """Return the objects that a used name passes through in a module: the class, the enum, the member.

    Raises
    ------
    AttributeError
        If there is no such name.
    """
    objects = [sys.modules[module] if isinstance(module, str) else module]
    for part in name.path:
        if len(objects) > 1 and not isinstance(objects[-1], type):
            break  # attributes of an instance or of a returned value
        objects.append(getattr(objects[-1], part))
    return objects[1:]
