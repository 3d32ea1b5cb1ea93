"""Content is found by name or path, in a wheel, an editable install and a bare clone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmk12.datasets import registry
from mmk12.errors import BadInput, MissingData, UnknownName
from mmk12.utils import content

CLONE = Path(__file__).resolve().parents[2]
PROBE = """
import json
from mmk12 import load_benchmark, load_source
from mmk12.utils import content
kinds = ("benchmark", "source", "recipe", "figure")
print(json.dumps({kind: [content.names(kind), str(content.root(kind))] for kind in kinds}))
print(load_benchmark("k12").name, load_source("math").name, content.load_figure("benchmarks").__name__)
"""


def found(python_path: Path) -> str:
    """What a process sees that imports mmk12 from `python_path` and works in the root folder."""
    environment = {**os.environ, "PYTHONPATH": str(python_path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE], cwd="/", env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def names(kind: str) -> list[str]:
    return content.names(kind)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, unpacked as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CLONE)]
    subprocess.run(build, check=True, capture_output=True)
    (built,) = folder.glob("mmk12-*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-compile",
        "--target",
        str(folder / "site"),
    ]
    subprocess.run([*install, str(built)], check=True, capture_output=True)
    return folder / "site"


@pytest.mark.slow
def test_a_wheel_finds_its_content(wheel):
    seen = found(wheel)
    assert str(wheel / "mmk12" / "_content" / "benchmarks") in seen
    for kind in ("benchmark", "source", "recipe", "figure"):
        for name in names(kind):
            assert f'"{name}"' in seen


@pytest.mark.slow
def test_a_wheel_brings_what_the_package_needs_and_no_stray_top_level(wheel):
    top = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    assert top <= {"mmk12", "bin"}
    for needed in ("py.typed", "templates/report.html.j2", "demo/weights/demo/model.safetensors"):
        assert (wheel / "mmk12" / needed).is_file()


def test_a_bare_clone_finds_its_content():
    assert str(CLONE / "benchmarks") in found(CLONE)


def test_this_install_finds_its_content():
    """The editable install of `make test`."""
    assert content.root("benchmark") == CLONE / "benchmarks"
    assert {"demo", "k12"} <= set(names("benchmark"))


def test_every_declaration_loads_and_bears_the_name_of_its_file():
    for name in names("benchmark"):
        assert registry.load_benchmark(name).name == name
    for name in names("source"):
        assert registry.load_source(name).name == name
    for name in names("figure"):
        assert content.load_figure(name).__doc__


@pytest.mark.parametrize(("wrong", "right"), [("k21", "k12"), ("K12", "k12"), ("dem", "demo")])
def test_an_unknown_benchmark_suggests_the_nearest(wrong, right):
    with pytest.raises(UnknownName, match=f"Did you mean '{right}'"):
        registry.load_benchmark(wrong)


def test_a_file_of_the_user_goes_through_the_same_loader(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text((content.root("benchmark") / "k12.py").read_text().replace('name="k12"', 'name="mine"'))
    assert registry.load_benchmark(str(mine)).name == "mine"


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"none\.py"):
        registry.load_benchmark(str(tmp_path / "none.py"))


def test_a_file_without_declaration_is_named(tmp_path):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(BadInput, match="does not define"):
        registry.load_benchmark(str(tmp_path / "empty.py"))


@pytest.mark.parametrize("code", ["benchmark = Benchmark(", "import nonsense_module", "benchmark = Benchmrk()"])
def test_a_file_with_a_mistake_is_one_clear_line(tmp_path, code):
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(BadInput, match=r"mine\.py cannot be imported"):
        registry.load_benchmark(str(tmp_path / "mine.py"))
