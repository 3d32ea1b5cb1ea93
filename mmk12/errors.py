"""What can go wrong, as a tree; every message says what to do next.

    Mmk12Error            the user must change something: the CLI prints it in one or two lines and exits 1
    ├── UnknownName       no benchmark, source, recipe, … of that name (suggests the nearest)
    ├── MissingData       a folder, file or hub dataset is not there
    ├── BadInput          a file is there and cannot be read as what it should be
    ├── BadRecipe         a recipe key or value is not understood
    ├── ModelError        a model folder or backend cannot be used
    ├── PromptError       a prompt cannot be built for one sample (that sample is named, the others go on)
    ├── OutputError       the output folder cannot be written, or another run is writing it
    └── MissingExtra      an optional dependency is not installed

Anything else that escapes is a bug of ours: traceback, exit 2. A bad row or a bad rollout is data, not an
exception: it becomes a `DroppedSample` or a `Verdict`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Mmk12Error(Exception):
    """Base of all errors that a user can mend."""


class UnknownName(Mmk12Error):
    """No thing of this kind has this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        lowered = {known_name.lower(): known_name for known_name in names}
        near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
        hint = f" Did you mean '{lowered[near[0]]}'?" if near else ""
        super().__init__(f"Unknown {kind} '{name}'.{hint} Known: {', '.join(names) or 'none'}.")


class MissingData(Mmk12Error):
    """Data that the command needs is not where it was looked for."""


class BadInput(Mmk12Error):
    """A file exists but does not hold what it should."""


class BadRecipe(Mmk12Error):
    """A recipe has an unknown key or a value out of range."""


class ModelError(Mmk12Error):
    """A model cannot be loaded or used."""


class PromptError(Mmk12Error):
    """The prompt of one sample cannot be built."""


class OutputError(Mmk12Error):
    """The output folder cannot be used."""


class MissingExtra(Mmk12Error):
    """An optional dependency is missing."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency. Install it with: pip install 'mmk12[{extra}]'")


VERL = "0.9.1"
"""The version of verl that the recipes are translated for and that the plugin patches; the only place of the number."""
