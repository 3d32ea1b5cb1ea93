"""Draws a figure of `analysis/` into a file whose bytes depend on the data alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmk12 import content, storage
from mmk12.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}, "pdf": {"CreationDate": None}}
"""What each format would otherwise say about the time and the library of its making."""


def plot(figure: str, runs: Sequence[Path], out: Path) -> Path:
    """Draws figure `figure` (a name or a Python file) of `runs` into `out` (PNG, SVG or PDF)."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(fname=content.root("figure") / "style.mplstyle"):
        save(content.load_figure(figure).figure(runs), out)
    return out


def save(figure: Figure, out: Path) -> None:
    """Writes a figure in the format of the file's suffix, the same bytes for the same figure."""
    import io

    from matplotlib import pyplot

    format_ = out.suffix.removeprefix(".").lower()
    if format_ not in _METADATA:
        raise BadInput(f"Cannot draw into {out}: the name must end in .png, .svg or .pdf.")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format_, metadata=_METADATA[format_])
    pyplot.close(figure)
    storage.write_bytes(out, buffer.getvalue())
