"""Draws the figures of `analysis/` into files whose bytes depend on the data alone."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmk12.errors import BadInput
from mmk12.utils import content, storage, tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}
"""Metadata left out of each format: time and library version would change the bytes."""


def plot(figure: str, runs: Sequence[Path], out: Path, metrics: Sequence[str] = ()) -> Path:
    """Draws `figure` (a name or a Python file) of `runs` into `out` (.png, .svg or .pdf) and returns `out`.

    `metrics` are columns of the run log, for figures with a choice of metrics. A figure that is a table can also be
    written as .md, .tex or .csv. Raises `UnknownName`, `BadInput` for a wrong suffix or choice, and `MissingData`.
    """
    module = content.load_figure(figure)
    if out.suffix in tables.WRITERS:
        if not hasattr(module, "table"):
            raise BadInput(f"{figure} is an image, not a table: give --out a name that ends in .png, .svg or .pdf.")
        storage.write_text(out, tables.WRITERS[out.suffix](module.table(runs)))
        return out
    if metrics and "metrics" not in inspect.signature(module.figure).parameters:
        raise BadInput(f"The metrics of {figure} cannot be chosen; those of compare_runs can.")
    with apply_style():
        save(module.figure(runs, metrics) if metrics else module.figure(runs), out)
    return out


def to_svg(figure: str, runs: Sequence[Path]) -> str:
    """Draws a figure of `analysis/` as an `<svg>` element. Raises `MissingData` if the runs lack its data."""
    with apply_style():
        text = draw_figure(content.load_figure(figure).figure(runs), "svg").decode("utf-8")
    head, _, rest = text[text.index("<svg") :].partition("<metadata>")  # links that only a separate file needs
    return head + rest.partition("</metadata>")[2]


@contextmanager
def apply_style() -> Iterator[None]:
    """Applies `analysis/style.mplstyle` to the figures made in this block; no display is needed."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(fname=content.root("figure") / "style.mplstyle"):
        yield


def save(figure: Figure, out: Path) -> None:
    """Writes a figure in the format of the file's suffix; equal figures give equal bytes. Raises `BadInput`."""
    format_ = out.suffix.removeprefix(".").lower()
    if format_ not in _METADATA:
        raise BadInput(f"Cannot draw into {out}: the name must end in .png, .svg or .pdf.")
    storage.write_bytes(out, draw_figure(figure, format_))


def draw_figure(figure: Figure, format_: str) -> bytes:
    """Returns a figure as the bytes of a file in a format (png, svg, pdf), and closes it."""
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format=format_, metadata=_METADATA[format_])
    pyplot.close(figure)
    return buffer.getvalue()
