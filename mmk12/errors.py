"""All errors of the package, as one tree. Every message says what to do next.

    Mmk12Error            the user must change something: the CLI prints one or two lines and exits with code 1
    ├── UnknownName       no benchmark, source, recipe, … has this name (suggests the nearest one)
    ├── MissingData       a folder, file or hub dataset does not exist
    ├── BadInput          a file exists, but its content is not what it should be
    ├── BadRecipe         a recipe has an unknown key or an invalid value
    ├── ModelError        a model folder or backend cannot be used
    ├── PromptError       the prompt of one sample cannot be built (the sample is named, the others continue)
    ├── OutputError       the output folder cannot be written, or another run is writing it
    ├── MissingExtra      an optional dependency is not installed
    ├── TrainingFailed    the training job ended early (mmk12.training.launcher)
    └── PatchError        the installed verl is not the version of our plugin (mmk12.verl_plugin.patching)

Any other exception that leaves the package is a bug: traceback, exit code 2. A bad row or a bad rollout is data, not
an error of the run, so these exceptions never leave the package. Their catchers turn them into a `DroppedSample`, a
`GenerationFailure` or a `Verdict`:

    SkipRow               a source leaves out a valid row (mmk12.datasets.declarations; public, for your own sources)
    BadImage              bytes that are not a usable image (mmk12.utils.images)
    EngineStopped         an inference engine ended (mmk12.inference.engine)
    ExchangeError         a request to a server failed (mmk12.inference.http_exchange)
    LostRolloutsError     too many prompts lost rollouts: verl's process ends (mmk12.verl_plugin.step_record)
    UnreadableAnswer      the answer parser cannot read a text (mmk12.verifier.lexer)
    NoValue               an expression has no numeric value (mmk12.verifier.numeric)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, or the name of its type if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def last_line(error: BaseException) -> str:
    """Returns the last line of an error's message, or the name of its type if it has none.

    Validators such as that of transformers put the cause there.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()


def os_reason(error: OSError) -> str:
    """Returns why the operating system refused, in lower case and without the path: `no such file or directory`."""
    return (error.strerror or str(error)).lower()


def find_nearest(name: str, known: Iterable[str], similarity: float = 0.5) -> str | None:
    """Returns the known name that `name` most likely misspells, ignoring case.

    None if no name has at least this `similarity`, the ratio of `difflib` between 0 and 1.
    """
    lowered = {known_name.lower(): known_name for known_name in sorted(known)}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=similarity)
    return lowered[near[0]] if near else None


_LISTED = 20
"""Most names that are listed beside a suggestion."""


class Mmk12Error(Exception):
    """Base of all errors that a user can fix."""


class UnknownName(Mmk12Error):
    """Nothing of this kind has this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = find_nearest(name, names)
        hint = f" Did you mean '{near}'?" if near else ""
        known_names = "" if near and len(names) > _LISTED else f" Known: {', '.join(names) or 'none'}."
        super().__init__(f"Unknown {kind} '{name}'.{hint}{known_names}")


def refuse_misspelling(kind: str, ref: str, known: Iterable[str]) -> None:
    """Raises `UnknownName` if `ref` is nearly one of the `known` names.

    Call it before `ref` is taken for the id of a model on the Hugging Face Hub: old ids such as `gpt2` have no owner
    either, so a name that is similar to none may be one. Names with a slash and existing paths are never refused.
    """
    names = list(known)
    name = ref.partition(":")[0]
    if "/" not in ref and not Path(ref).exists() and find_nearest(name, names, similarity=0.75):
        raise UnknownName(kind, ref, names)


class MissingData(Mmk12Error):
    """Data that the command needs does not exist. `reason` says why in a few words, without what to do next."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class BadInput(Mmk12Error):
    """The content of an existing file, or an argument, is not valid."""


class BadRecipe(Mmk12Error):
    """A recipe has an unknown key or an invalid value."""


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
