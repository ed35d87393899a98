"""The package as a whole: what is public, how long its files are, who imports whom."""

import ast
import graphlib
import inspect
import pkgutil
import pydoc
import subprocess
import sys

import pytest
from conftest import ROOT

import hotdog_ft

FILES = {path.stem: path for path in sorted((ROOT / "hotdog_ft").glob("*.py"))}


def test_the_public_names_are_few_and_none_is_a_submodule_too():
    names = hotdog_ft.__all__
    assert 14 <= len(names) == len(set(names)) <= 18
    assert all(callable(getattr(hotdog_ft, name)) for name in names)
    assert not set(names) & {module.name for module in pkgutil.iter_modules(hotdog_ft.__path__)}


@pytest.mark.parametrize("name", hotdog_ft.__all__)
def test_every_public_name_is_explained_with_an_example(name):
    thing = getattr(hotdog_ft, name)
    text = inspect.getdoc(thing)
    first = text.splitlines()[0]
    assert first.endswith(".") and len(first) <= 100
    assert "\nExamples\n--------\n>>> " in text
    assert first in pydoc.render_doc(thing, renderer=pydoc.plaintext)


def test_importing_loads_neither_matplotlib_nor_pandas():
    code = "import sys, hotdog_ft; print({'matplotlib', 'pandas', 'd2l'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    "path", [*FILES.values(), *sorted((ROOT / "tests").glob("*.py"))], ids=lambda p: p.name
)
def test_a_file_has_at_most_250_lines(path):
    assert len(path.read_text().splitlines()) <= 250


def imported_modules(path):
    """The modules of this package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):  # only relative imports within the package
            assert node.level == 0 and node.module.split(".")[0] != "hotdog_ft"
        elif isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "hotdog_ft" for alias in node.names)
    return found


def floors(imports):
    """How far above the ground each module is; a circle raises graphlib.CycleError."""
    height = {}
    for name in graphlib.TopologicalSorter(imports).static_order():
        height[name] = 1 + max((height[below] for below in imports[name]), default=-1)
    return height


def test_a_module_imports_only_modules_on_lower_floors():
    imports = {name: imported_modules(path) for name, path in FILES.items()}
    assert set().union(*imports.values()) <= FILES.keys()
    height = floors(imports)
    assert all(height[below] < height[name] for name in imports for below in imports[name])
    assert height["rules"] == 0 and height["__main__"] > height["studies"] > height["training"]
    with pytest.raises(graphlib.CycleError):
        floors({**imports, "settings": {"training"}})
