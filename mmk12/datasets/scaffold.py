"""Writes the beginning of a benchmark file, with an example row and its test."""

from __future__ import annotations

from pathlib import Path

from mmk12.errors import BadInput, OutputError
from mmk12.utils import content, storage, templating


def write_benchmark(name: str, folder: Path) -> tuple[Path, Path]:
    """Writes `<name>.py` and `test_<name>.py` into a folder, and returns their paths.

    Raises:
        BadInput: The name is no Python identifier in lower case, or that of a built-in benchmark.
        OutputError: One of the files exists, or cannot be written.
    """
    if not name.isidentifier() or not name.isascii() or name != name.lower():
        raise BadInput(f"A benchmark is named by lower-case letters, digits and _, not '{name}'.")
    if name in content.names("benchmark"):
        raise BadInput(f"'{name}' is a built-in benchmark. Choose another name.")
    paths = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in paths:
        if path.exists():
            raise OutputError(f"{path} exists. Choose another name, or remove it.")
    for path, template in zip(paths, ("benchmark.py.j2", "test_benchmark.py.j2"), strict=True):
        text = templating.render_template(template, benchmark=name, title=name.replace("_", " ").capitalize())
        storage.write_text(path, text)
    return paths
