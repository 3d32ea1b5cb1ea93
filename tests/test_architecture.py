"""The floors of docs/architecture.md: what `lint-imports` cannot say of imports, and figures that must not grow.

The layers, the folders without circles and the private modules are contracts of import-linter in pyproject.toml, run by
`make check`. Imports in functions and under TYPE_CHECKING count there and here.
"""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

CLONE = Path(__file__).resolve().parents[1]
PACKAGE = CLONE / "mmk12"

MODULES_WITH_EXTRAS = {
    "mmk12.inference.hf",
    "mmk12.inference.http_exchange",
    "mmk12.inference.openai",
    "mmk12.inference.ray_replicas",
    "mmk12.inference.vllm",
    "mmk12.verl_plugin.cpu",
    "mmk12.verl_plugin.hf_rollout",
}
"""They import an optional extra at their top, so whoever offers them imports them when they are needed."""
PUBLIC_FACE = "mmk12"
CONTENT_FLOORS = {
    "benchmarks": {"cli", "curation", "training", "run_report", "plotting", "recipes", "conversion"},
    "analysis": {"cli"},
}
"""Content folders, and the rooms that they must not import."""


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("mmk12", cache_dir=None)


def module_name(path: Path) -> str:
    parts = path.relative_to(CLONE).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def internal_imports(tree: ast.AST):
    """(node, imported modules) of each import of our own package below `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mmk12":
            yield node, {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names if alias.name.split(".")[0] == "mmk12"}
            if names:
                yield node, names


def test_no_circle_among_files(graph):
    TopologicalSorter({name: graph.find_modules_directly_imported_by(name) for name in graph.modules}).prepare()


def test_nobody_inside_imports_the_public_face(graph):
    assert not graph.find_modules_that_directly_import(PUBLIC_FACE)


def test_imports_in_functions_are_for_optional_extras():
    """The exceptions: commands import what they run, so that `mmk12 --help` is fast, and so does the public face."""
    late = []
    for path in PACKAGE.rglob("*.py"):
        name = module_name(path)
        if name == PUBLIC_FACE or name.startswith("mmk12.cli."):
            continue
        functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            late += [
                f"{name}.{function.name}: {sorted(names)}"
                for _, names in internal_imports(function)
                if not names & MODULES_WITH_EXTRAS
            ]
    assert not late


def test_no_import_is_for_the_type_checker_alone():
    """Such an import hides a circle; third-party packages that are slow to import are another matter."""
    hidden = []
    for path in PACKAGE.rglob("*.py"):
        name = module_name(path)
        if name == PUBLIC_FACE or name.startswith("mmk12.cli."):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                hidden += [f"{name}: {sorted(names)}" for _, names in internal_imports(node)]
    assert not hidden


@pytest.mark.parametrize("folder", CONTENT_FLOORS)
def test_content_stands_on_its_floor(folder):
    for path in (CLONE / folder).glob("*.py"):
        for _, names in internal_imports(ast.parse(path.read_text("utf-8"))):
            rooms = {name.split(".")[1] for name in names if "." in name}
            assert not rooms & CONTENT_FLOORS[folder], path.name


def test_the_listing_stays_readable():
    files = list(PACKAGE.rglob("*.py"))
    assert len(files) <= 290
    assert len(list(PACKAGE.glob("*.py"))) <= 6
    names = Counter(path.name for path in files if path.name != "__init__.py")
    assert sum(count > 1 for count in names.values()) <= 12  # a trainer has a file in each room that knows it
    rooms = [path for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()]
    assert len(rooms) <= 18


def test_functions_are_short():
    """At most six functions of more than 45 lines, as when this was first counted."""
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    ]
    assert sum(length > 45 for length in lengths) <= 6
