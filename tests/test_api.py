"""The public names, and what importing them costs."""

import subprocess
import sys

import pytest

import mmk12

PUBLIC = [
    "Backend",
    "Benchmark",
    "Completion",
    "DroppedSample",
    "GenerationFailure",
    "Gold",
    "HubDataset",
    "Image",
    "Message",
    "PublishedResult",
    "RawSample",
    "Request",
    "Sample",
    "Sampling",
    "Source",
    "Verdict",
    "__version__",
    "build_data",
    "compare",
    "evaluate",
    "load_benchmark",
    "load_recipe",
    "load_source",
    "reward",
    "verify",
    "verify_many",
]
HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "pyarrow",
    "scipy",
    "matplotlib",
    "PIL",
    "sympy",
    "verl",
    "vllm",
}


def test_the_public_names():
    assert sorted(mmk12.__all__) == PUBLIC
    assert sorted(dir(mmk12)) == PUBLIC
    for name in PUBLIC:
        assert getattr(mmk12, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        mmk12.nonsense  # noqa: B018


@pytest.mark.parametrize("command", ["import mmk12", "import mmk12; mmk12.verify; mmk12.evaluate", "import mmk12.cli"])
def test_importing_is_cheap(command):
    code = f"{command}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
