"""The public names, and what importing them costs."""

import subprocess
import sys

import pytest

import mmk12

PUBLIC = [
    "Backend",
    "BadInput",
    "BadRecipe",
    "Benchmark",
    "BrokenLine",
    "Completion",
    "DroppedSample",
    "Files",
    "GenerationFailure",
    "Gold",
    "Graded",
    "HubDataset",
    "IMAGE_MARK",
    "Image",
    "Message",
    "MissingData",
    "MissingExtra",
    "Mmk12Error",
    "ModelError",
    "OutputError",
    "PatchError",
    "PromptError",
    "PublishedResult",
    "Rate",
    "RawSample",
    "Request",
    "Row",
    "Sample",
    "Sampling",
    "SkipRow",
    "Source",
    "TrainingFailed",
    "UnknownName",
    "Verdict",
    "__version__",
    "build_data",
    "classify_gold",
    "compare",
    "evaluate",
    "find_inline_options",
    "find_options",
    "letter_options",
    "load_benchmark",
    "load_recipe",
    "load_source",
    "place_images",
    "ratio",
    "reward",
    "share",
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


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Draft", "RawSample"),
        ("Dropped", "DroppedSample"),
        ("Failure", "GenerationFailure"),
        ("Hub", "HubDataset"),
        ("Published", "PublishedResult"),
    ],
)
def test_a_name_of_the_first_release_is_an_alias_with_a_warning(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"mmk12\.{old} is now mmk12\.{new}") as caught:
        assert getattr(mmk12, old) is getattr(mmk12, new)
    assert caught[0].filename == __file__  # it points at the caller's line
    assert old not in mmk12.__all__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        mmk12.nonsense  # noqa: B018


@pytest.mark.parametrize(
    "command",
    [
        "import mmk12",
        "import mmk12; [getattr(mmk12, name) for name in mmk12.__all__ if name != 'build_data']",
        "import mmk12.cli",
    ],
)
def test_importing_is_cheap(command):
    code = f"{command}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
