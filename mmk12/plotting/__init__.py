"""Draws the figures of `analysis/` into files whose bytes depend on the data alone."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from mmk12.errors import BadInput
from mmk12.plotting.curves import explain
from mmk12.utils import content, storage, tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}
"""Metadata left out of each format: time and library version would change the bytes."""


Preset = Literal["screen", "column", "page"]
"""For what a figure is: a screen, or a column or the page of a publication with two columns."""

_WIDTHS = {"column": 3.3, "page": 6.9}
"""Widths of publications in inches; a figure is scaled to them, its letters are not."""


def check_output(figure: str, out: Path, preset: str = "screen") -> Preset:
    """Refuses at once what cannot be drawn, and returns the preset.

    Raises `UnknownName`, and `BadInput` for a wrong suffix or preset.
    """
    module = content.load_figure(figure)
    suffix = out.suffix.lower()
    if suffix in tables.WRITERS and not hasattr(module, "table"):
        raise BadInput(f"{figure} is an image, not a table: give --out a name that ends in .png, .svg or .pdf.")
    if suffix not in tables.WRITERS and suffix.removeprefix(".") not in _METADATA:
        raise BadInput(f"Cannot draw into {out}: the name must end in .png, .svg or .pdf.")
    known: Mapping[str, Preset] = {name: name for name in get_args(Preset)}
    if preset not in known:
        raise BadInput(f"There is no preset {preset}. Choose one of {', '.join(known)}.")
    return known[preset]


def plot(figure: str, runs: Sequence[Path], out: Path, metrics: Sequence[str] = (), preset: Preset = "screen") -> Path:
    """Draws `figure` (a name or a Python file) of `runs` into `out` (.png, .svg or .pdf) and returns `out`.

    `metrics` are columns of the run log, for figures with a choice of metrics. A figure that is a table can also be
    written as .md, .tex or .csv. Raises `UnknownName`, `BadInput` for a wrong suffix or choice, and `MissingData`.
    """
    check_output(figure, out, preset)
    module = content.load_figure(figure)
    if out.suffix in tables.WRITERS:
        storage.write_text(out, tables.WRITERS[out.suffix](module.table(runs)))
        return out
    if metrics and "metrics" not in inspect.signature(module.figure).parameters:
        raise BadInput(f"The metrics of {figure} cannot be chosen; those of compare_runs can.")
    with apply_style(preset):
        drawn = module.figure(runs, metrics) if metrics else module.figure(runs)
        if preset in _WIDTHS:
            _fit(drawn, _WIDTHS[preset])
        save(drawn, out)
    return out


def list_notes(figure: str, runs: Sequence[Path]) -> Sequence[str]:
    """Returns what a figure leaves out of `runs`, and why; nothing for figures that leave out nothing."""
    module = content.load_figure(figure)
    return module.notes(runs) if hasattr(module, "notes") else ()


def _fit(figure: Figure, width: float) -> None:
    """Gives a figure the width of a publication. Letters keep their size, so it may become higher."""
    before, height = figure.get_size_inches()
    figure.set_size_inches(width, max(2.2, height * width / before))
    explain(figure, " ".join(figure.get_supxlabel().split()))


def to_svg(figure: str, runs: Sequence[Path]) -> str:
    """Draws a figure of `analysis/` as an `<svg>` element. Raises `MissingData` if the runs lack its data."""
    with apply_style():
        text = draw_figure(content.load_figure(figure).figure(runs), "svg").decode("utf-8")
    head, _, rest = text[text.index("<svg") :].partition("<metadata>")  # links that only a separate file needs
    return head + rest.partition("</metadata>")[2]


@contextmanager
def apply_style(preset: Preset = "screen") -> Iterator[None]:
    """Applies `analysis/style.mplstyle` to the figures made in this block; no display is needed.

    For print, `analysis/publication.mplstyle` comes on top.
    """
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(fname=content.root("figure") / "style.mplstyle"):
        if preset != "screen":
            matplotlib.rcParams.update(
                matplotlib.rc_params_from_file(
                    content.root("figure") / "publication.mplstyle", use_default_template=False
                )
            )
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
