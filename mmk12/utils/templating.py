"""Renders the Jinja templates of reports and pages; everything that goes into HTML is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import stdev
from typing import TYPE_CHECKING, Any, get_args
from unicodedata import category
from urllib.parse import urlencode

from mmk12.types import Status
from mmk12.utils.stats import Interval, smallest_difference

if TYPE_CHECKING:
    import jinja2

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode categories: controls, format characters (right-to-left overrides), lone surrogates, unusual line breaks."""


def render_template(name: str, **facts: Any) -> str:
    """Returns the text of a template in `mmk12/templates`, filled in with `facts`."""
    return _environment().get_template(name).render(facts)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    def escape(name: str | None) -> bool:
        return bool(name and name.endswith(".html.j2"))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mmk12", "templates"),
        autoescape=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    environment.filters |= {
        "by_status": lambda counts: [(status, counts[status]) for status in get_args(Status) if status in counts],
        "cell": _cell,
        "duration": _duration,
        "integrity": _integrity,
        "interval": lambda limits: "–" if limits is None else f"{100 * limits[0]:.1f} – {100 * limits[1]:.1f}",
        "percent": _percent,
        "points": lambda difference: "–" if difference is None else f"{difference:+.1f}",
        "words": lambda name: str(name).replace("_", " "),
    }
    environment.globals |= {
        "counts": _counts,
        "decoding": _decoding,
        "link": _link,
        "precision": _precision,
        "protocol_note": _protocol_note,
        "spread": _spread,
    }
    return environment


def _decoding(settings: Any) -> str:
    """Returns how tokens were drawn, how often, and how large the pictures were, from a `RunSettings`."""
    words = [settings.sampling.describe(), *([f"{settings.n} runs"] if settings.n > 1 else [])]
    bounds = ((settings.min_pixels, "least"), (settings.max_pixels, "most"))
    words += [f"pictures of at {name} {pixels:,} pixels" for pixels, name in bounds if pixels]
    return ", ".join(words)


def _protocol_note(difference: str) -> str:
    return difference if not difference or difference.startswith("unknown") else f"differs: {difference}"


def _percent(fraction: float | None, measured: bool = True) -> str:
    return f"{100 * fraction:.1f}" if measured and fraction is not None else "–"


def _visible(value: Any) -> Any:
    import markupsafe

    return name_hidden(value) if isinstance(value, str) and not isinstance(value, markupsafe.Markup) else value


def name_hidden(text: str) -> str:
    """Returns a text in which characters that hide or reorder what is around them are replaced by their code."""
    if text.isprintable():
        return text
    return "".join(
        f"[U+{ord(char):04X}]" if category(char) in _HIDDEN and char not in "\n\r\t" else char for char in text
    )


def _duration(seconds: float | None) -> str:
    """Returns a duration such as `1 h 05 min`; empty for None."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _cell(text: object) -> str:
    """Escapes text for a cell of a Markdown table."""
    return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "\\<").replace("\n", " ")


def _integrity(script: str) -> str:
    """Returns the hash by which a content security policy allows this inline script, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _link(filters: Mapping[str, str] | None = None, **more: str) -> str:
    """Returns the link to a selection of the page's items."""
    return "#" + urlencode({**(filters or {}), **more})


def _counts(statuses: Mapping[str, int]) -> str:
    """Returns counts in words: `5 correct, 3 gold unusable`."""
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in statuses.items())


def _spread(accuracies: Sequence[float]) -> str:
    """Returns how far the accuracies of several runs lie apart."""
    shown = ", ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies)
    return f"the runs are at {shown} %, with a standard deviation of {100 * stdev(accuracies):.1f} points between them."


def _precision(n: int, ci95: Sequence[float] | None) -> str:
    """Returns in words what `n` items can show, from the 95 % interval of their accuracy; None if there is none."""
    if ci95 is None:
        return f"None of the {n:,} items has a response that can be graded: nothing was measured."
    interval = Interval(*ci95)
    apart = smallest_difference(interval)
    return (
        f"{n:,} items: about ± {100 * interval.half:.1f} points. Against a number measured independently on "
        f"as many items, a difference below about {100 * apart:.1f} points can be chance; two runs on the same items "
        "resolve smaller ones (mmk12 compare)."
    )
