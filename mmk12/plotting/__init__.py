"""Draws a figure of `analysis/` into a file whose bytes depend on the data alone."""

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
"""What each format would otherwise say about the time and the library of its making."""


def plot(figure: str, runs: Sequence[Path], out: Path, metrics: Sequence[str] = ()) -> Path:
    """Draws figure `figure` (a name or a Python file) of `runs` into `out`: PNG, SVG or PDF.

    `metrics` are for figures that let them be chosen. A figure that is a table is written as .md, .tex or .csv too.
    """
    module = content.load_figure(figure)
    if out.suffix in tables.WRITERS:
        if not hasattr(module, "table"):
            raise BadInput(f"{figure} is a picture, not a table: give --out a name that ends in .png, .svg or .pdf.")
        storage.write_text(out, tables.WRITERS[out.suffix](module.table(runs)))
        return out
    if metrics and "metrics" not in inspect.signature(module.figure).parameters:
        raise BadInput(f"The metrics of {figure} cannot be chosen; those of compare_runs can.")
    with apply_style():
        save(module.figure(runs, metrics) if metrics else module.figure(runs), out)
    return out


def to_svg(figure: str, runs: Sequence[Path]) -> str:
    """A figure of `analysis/` as an element of a page. Raises `MissingData` where the runs lack what it shows."""
    with apply_style():
        text = draw_figure(content.load_figure(figure).figure(runs), "svg").decode("utf-8")
    head, _, rest = text[text.index("<svg") :].partition("<metadata>")  # names and links of a file of its own
    return head + rest.partition("</metadata>")[2]


@contextmanager
def apply_style() -> Iterator[None]:
    """Figures made in this block look alike, and need no screen."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(fname=content.root("figure") / "style.mplstyle"):
        yield


def save(figure: Figure, out: Path) -> None:
    """Writes a figure in the format of the file's suffix, the same bytes for the same figure."""
    format_ = out.suffix.removeprefix(".").lower()
    if format_ not in _METADATA:
        raise BadInput(f"Cannot draw into {out}: the name must end in .png, .svg or .pdf.")
    storage.write_bytes(out, draw_figure(figure, format_))


def draw_figure(figure: Figure, format_: str) -> bytes:
    """The bytes of a figure in a format (png, svg, pdf). The figure is closed."""
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format=format_, metadata=_METADATA[format_])
    pyplot.close(figure)
    return buffer.getvalue()
