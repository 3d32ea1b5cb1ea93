"""The entry points of the verifier: one response, one row, many rows.

Most profiles grade in the calling thread (`rules.py`). The `released_*` profiles run the published scripts, which
need a process that can be killed (`pool.py`); callers see no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmk12.types import Gold, Verdict
from mmk12.verifier import rules
from mmk12.verifier.fallback import may_decide
from mmk12.verifier.pool import Pool, verify_in_worker
from mmk12.verifier.profiles import Profile, find_profile, with_fallback
from mmk12.verifier.spec import GradingSpec, refuse_nonsense, to_text


def verify(
    response: str,
    gold: str | Gold,
    *,
    question: str | None = None,
    choices: Sequence[str] | None = None,
    answer_type: str = "auto",
    precision: int | None = None,
    tolerance: float | None = None,
    finish_reason: str | None = None,
    profile: str = "strict",
    fallback: str | None = None,
) -> Verdict:
    """Decides whether `response` answers with `gold`.

    `choices` are the option texts, A first; `answer_type` is number, expression, choice, text, list or auto, which
    leaves it to the text of the gold; `precision` counts decimals, and then a number that rounds to the gold is right;
    `tolerance` is the largest absolute error that is allowed. A `Gold` brings its own choices, kind, precision,
    tolerance and unit; the arguments win over these. A response with the `finish_reason` "length" was cut, so what
    nothing ends is no answer. Where the `question` asks for a percentage, `50 %` is right for a gold of `50`. With
    `fallback="sympy"` what the rules cannot read (integrals, sums, limits, …) is compared by sympy in a worker process.
    Raises `UnknownName` for a profile, a fallback or an answer type, `BadInput` for a precision or tolerance that is
    nonsense, `MissingExtra` for a profile that needs
    math-verify, and nothing for any response or gold.
    """
    used = find_profile(with_fallback(profile, fallback))
    if isinstance(tolerance, float):
        # In a row, NaN is a missing value; an argument was meant.
        refuse_nonsense(None, tolerance)
    spec = GradingSpec.from_row(
        {
            "gold": gold,
            "question": question,
            "choices": choices,
            "answer_type": answer_type,
            "precision": precision,
            "tolerance": tolerance,
        }
    )
    return _grade(response, spec, used, finish_reason)


def verify_row(row: Mapping[str, Any], profile: str = "strict") -> Verdict:
    """Grades a mapping with the keys `response` and `gold`, and those of `verify`'s other arguments that it has."""
    used = find_profile(profile)
    return _grade(to_text(row["response"]), GradingSpec.from_row(row), used, row.get("finish_reason"))


def verify_many(
    rows: Iterable[Mapping[str, Any]], *, profile: str = "strict", workers: int = 1, fallback: str | None = None
) -> Iterator[Verdict]:
    """Grades each row, in order, streaming, in constant memory; in `workers` processes when more than one.

    The `released_*` profiles always grade in processes, and so does the `fallback` (see `verify`). Raises
    `UnknownName` for the profile, the fallback or the answer type of a row, and `MissingExtra` for the profile.
    """
    profile = with_fallback(profile, fallback)
    if workers <= 1 and not find_profile(profile).released:
        for row in rows:
            yield verify_row(row, profile)
        return

    with Pool(max(1, workers), profile) as pool:
        yield from pool.map(rows)


def _grade(response: str, spec: GradingSpec, profile: Profile, finish_reason: object) -> Verdict:
    if profile.released:
        return verify_in_worker({"response": response, "gold": spec.reference}, profile.name)
    cut = finish_reason == "length"
    verdict = rules.grade(response, spec, profile, cut=cut)
    if profile.fallback and may_decide(verdict, response, spec, cut=cut):
        row = {"response": response, **spec.to_row(), "finish_reason": finish_reason}
        return verify_in_worker(row, profile.name)
    return verdict
