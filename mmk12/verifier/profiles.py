"""The policies of grading, each a named switch, and the rewards built on them.

A profile is data: the same rules grade under any of them. What mathematics decides (`1/2 = 0.5`) is no policy and has
no switch; what it does not decide (`12` for `12 cm`) is one, with its default in this file. The `released_*` profiles
are another grader: the published scripts, kept for comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from types import MappingProxyType

from mmk12.errors import MissingExtra, UnknownName


@dataclass(frozen=True, slots=True)
class Profile:
    """How responses are graded and rewarded: reward = accuracy + `format_weight` · format (paper section 2.3)."""

    name: str
    about: str
    format_weight: float = 0.0
    missing_unit: bool = True
    """`12` is right for `12 cm`."""
    extra_unit: bool = True
    """`12 cm` is right for `12`."""
    convert_units: bool = True
    """`400 mm²` is right for `4 cm²`."""
    bare_degrees: bool = True
    """`30` is right for `30°`, and `30°` for `30`. (`30°` and `π/6` are equal, `30` and `π/6` are not.)"""
    bare_percent: bool = True
    """`28` is right for `28 %`. Never the other way: `50 %` is one half, not 50."""
    extra_percent: bool = False
    """`50 %` is right for `50`. The verifier turns this on where the question asks for a percentage."""
    unreduced: bool = True
    """`2/6` is right for `1/3`."""
    ratio_as_fraction: bool = True
    """`2/3` is right for `2:3`, and the reverse."""
    ordered_blanks: bool = True
    """Answers to separate blanks come in order; comma lists and sets have none."""
    drop_brackets: bool = True
    """`3, 7` is right for the point `(3, 7)`, and the reverse; order counts."""
    float_decimals: int | None = 12
    """A number with at least this many decimals stands for the one it is a rounding of; None: never."""
    fallback: str | None = None
    """Who is asked where the rules cannot read a gold: `sympy`, in a worker process (`fallback.py`); None: nobody."""
    released: bool = False
    """Graded by the published scripts (`upstream_reward.py`) in a worker process; no switch above applies."""
    deadline: float = 5.0
    """Seconds for one verdict in a worker; a worker that misses it is killed. The rules need milliseconds."""


_FALLBACK_SECONDS = 10.0

STRICT = Profile("strict", "grading: accuracy only, every policy at its documented default")

PROFILES = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            STRICT,
            replace(
                STRICT,
                name="paper_instruct",
                about="the reward of MM-Eureka-8B as the paper describes it: accuracy + 0.5 · format",
                format_weight=0.5,
            ),
            replace(
                STRICT,
                name="paper_zero",
                about="the reward of MM-Eureka-Zero-38B as the paper describes it: accuracy + 1.0 · format",
                format_weight=1.0,
            ),
            Profile(
                "released_instruct",
                "the reward script published for MM-Eureka-8B, defects included, on math-verify; for comparison only",
                format_weight=0.5,
                released=True,
                deadline=20.0,
            ),
            Profile(
                "released_zero",
                "the reward script published for MM-Eureka-Zero, defects included, on math-verify; for comparison only",
                format_weight=1.0,
                released=True,
                deadline=20.0,
            ),
        )
    }
)


FALLBACKS = ("sympy",)


def with_fallback(profile: str, fallback: str | None) -> str:
    """Returns the name of a profile with that fallback: `strict+sympy`. It stands wherever the profile's name does.

    Raises `UnknownName`.
    """
    if fallback is None:
        return profile
    if fallback not in FALLBACKS:
        raise UnknownName("fallback", fallback, FALLBACKS)
    return f"{profile.partition('+')[0]}+{fallback}"


def find_profile(name: str) -> Profile:
    """Returns the profile of that name; raises `UnknownName`, or `MissingExtra` if its grader is not installed."""
    base, _, fallback = name.partition("+")
    try:
        profile = PROFILES[base]
    except KeyError:
        raise UnknownName("profile", base, PROFILES) from None
    if fallback:
        if fallback not in FALLBACKS or profile.released:
            raise UnknownName("profile", name, [*PROFILES, *(f"{STRICT.name}+{known}" for known in FALLBACKS)])
        profile = replace(profile, name=name, fallback=fallback, deadline=_FALLBACK_SECONDS)
    if profile.released and find_spec("math_verify") is None:
        raise MissingExtra(f"The profile {name}", "released")
    return profile
