"""The verifier: one response against one gold gives one verdict, with the rule that decided and the reason.

Deterministic and free of clocks, signals and shared state (but for caches), so it may run in any thread. Work is
bounded by limits on characters, tokens, depth and digits; no input makes it raise.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from mmk12.types import Status, Verdict
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.choices import find_only_letter, find_only_mentioned, read_letter, read_options
from mmk12.verifier.compare import Comparison
from mmk12.verifier.extract import Extraction, NoExtraction, check_format, extract_answer
from mmk12.verifier.gold import GoldReference, make_reference, resolve_option
from mmk12.verifier.interpret import answer_shape, has_unreduced, interpret
from mmk12.verifier.nodes import Sym, Text
from mmk12.verifier.profiles import Profile
from mmk12.verifier.sentences import find_formula, find_quantity
from mmk12.verifier.spec import GradingSpec

SHOWN = 200
"""Characters of the answer that a verdict quotes."""

_ASKS_PERCENT = re.compile(r"\bpercent(?:age)?\b|百分", re.IGNORECASE)


_Ruling = tuple[Status, str | None, str, str]
"""A verdict before it is framed: status, answer, rule and reason."""


def grade(response: str, spec: GradingSpec, profile: Profile) -> Verdict:
    """Grades `response` against `spec` by the rules of `profile`, in this thread.

    Where the question asks for a percentage, `50 %` is right for a gold of `50`. Raises nothing for any string.
    """
    if spec.question and _asks_percent(spec.question):
        profile = replace(profile, extra_percent=True)
    try:
        grader = RuleGrader(profile, spec.choices, _largest_error(spec.precision, spec.tolerance))
        ruling = grader.ruling(response, spec.reference, spec.answer_type)
    except (ArithmeticError, LookupError, RecursionError, ValueError) as fault:
        # No known string leads here, and the tests hunt for one. If there is one, it costs a verdict, not a run.
        ruling = "error", None, "verifier", f"the verifier failed: {type(fault).__name__}: {fault}"
    return Verdict(*ruling, check_format(response), profile.name)


def _largest_error(precision: int | None, tolerance: float | None) -> Decimal | None:
    """The largest absolute error: half a unit of the last decimal that counts, or what the caller says."""
    if tolerance is not None:
        return Decimal(str(tolerance))
    return Decimal(10) ** -precision / 2 if precision is not None else None


def _is_identical(answer: str, gold: str) -> bool:
    """Whether they are the same text, which is right whatever the gold is; signs alone are left to the rules."""
    shown = answer_shape(answer)
    return shown == answer_shape(gold) and any(char.isalnum() for char in shown)


def _asks_percent(question: str) -> bool:
    # The plain searches come first: the pattern is slow on a long question.
    asks = "ercent" in question or "百分" in question or "ERCENT" in question
    return asks and bool(_ASKS_PERCENT.search(question))


class RuleGrader:
    """One gold's circumstances."""

    __slots__ = ("choices", "comparison", "profile")

    def __init__(self, profile: Profile, choices: tuple[str, ...], tolerance: Decimal | None) -> None:
        self.profile = profile
        self.choices = choices
        self.comparison = Comparison(profile, tolerance)

    def ruling(self, response: str, text: str, declared: str) -> _Ruling:
        """The ruling on a response to the gold `text`, declared to be of that kind."""
        found = extract_answer(response)
        if isinstance(found, Extraction) and not self.choices and _is_identical(found.text, text):
            reason = f"the answer is the gold, letter by letter ({found.rule})"
            return "correct", found.text[:SHOWN], "identical", reason
        if declared == "choice" and text.strip() in self.choices and not text.strip().isupper():
            # The option whose text is `x`, and not option X.
            declared = "auto"
        gold = make_reference(text, declared)
        if not gold.values:
            return "gold_unusable", None, "gold", gold.kind.reason
        if isinstance(found, NoExtraction):
            return "wrong" if found.conflict else "no_answer", None, "extraction", found.reason
        if self.is_choice(gold):
            return self.choice(response, found, gold)
        return self.value(found, gold)

    def is_choice(self, gold: GoldReference) -> bool:
        return bool(self.choices) or gold.kind.type == "letter"

    def choice(self, response: str, found: Extraction, gold: GoldReference) -> _Ruling:
        """Options: the answer names one by letter or by value; the gold is one by letter or by value."""
        wanted = self.wanted(gold)
        named = (resolve_option(found.text) if gold.declared == "choice" else None) or read_letter(found.text)
        if named is not None:
            index = ord(named) - ord("A")
            if not self.choices or index < len(self.choices) or named in wanted:
                return self.verdict(named in wanted, found, "option letter", f"the answer is option {named}", gold)
        if not self.choices:
            return self.letterless(response, found, gold, wanted)
        matching = self.matching(found.text)
        direct = self.rule_for(found, gold) if len(matching) != 1 and gold.kind.type != "letter" else None
        if direct:
            return self.verdict(True, found, direct, "the answer is the gold", gold)
        matching = matching or self.mentioned(response, found)
        if len(matching) == 1:
            name = chr(ord("A") + matching[0])
            return self.verdict(
                name in wanted, found, "option value", f"the answer is the value of option {name}", gold
            )
        if len(matching) > 1:
            return "wrong", found.text[:SHOWN], "option value", "the answer fits several options"
        return self.verdict(False, found, "option value", "the answer is no option", gold)

    def letterless(self, response: str, found: Extraction, gold: GoldReference, wanted: set[str]) -> _Ruling:
        """A letter gold without the options."""
        only = find_only_letter(response) if found.rule in ("whole response", "end of response") else None
        if only is not None:
            return self.verdict(only in wanted, found, "only letter", f"the only option named is {only}", gold)
        return self.verdict(False, found, "option letter", "the answer names no single option", gold)

    def mentioned(self, response: str, found: Extraction) -> list[int]:
        """The option that free prose names: the one letter, the one option's text or the number that it ends on."""
        if found.rule not in ("whole response", "end of response", "answer is"):
            return []
        only = find_only_letter(response)
        if only is not None and ord(only) - ord("A") < len(self.choices):
            return [ord(only) - ord("A")]
        index = find_only_mentioned(self.choices, response)
        if index is not None:
            return [index]
        number = find_quantity(found.text)
        return read_options(self.choices, number, parse(number), self.comparison) if number else []

    def wanted(self, gold: GoldReference) -> set[str]:
        """The letters that are right; options with the same text are the same answer."""
        if gold.kind.type == "letter" and isinstance(gold.values[0], Sym):
            name = gold.values[0].name
            index = ord(name) - ord("A")
            if index >= len(self.choices):
                return {name}
            text = self.choices[index]
        else:
            exact = any(choice.strip() == gold.text.strip() for choice in self.choices)
            matching = [] if exact else read_options(self.choices, gold.text, parse(gold.text), self.comparison)
            text = self.choices[matching[0]] if matching else gold.text
        return {chr(ord("A") + i) for i, choice in enumerate(self.choices) if choice.strip() == text.strip()}

    def value(self, found: Extraction, gold: GoldReference) -> _Ruling:
        rule = self.rule_for(found, gold)
        if rule and not self.profile.unreduced and has_unreduced(found.text):
            return self.verdict(False, found, "unreduced", "a fraction is not in lowest terms", gold)
        if rule:
            return self.verdict(True, found, rule, "the answer equals the gold", gold)
        return self.verdict(False, found, "compared", "the answer does not equal the gold", gold)

    def rule_for(self, found: Extraction, gold: GoldReference) -> str | None:
        answer = interpret(found.text, gold)
        for value in gold.values:
            rule = self.comparison.rule(value, answer)
            if rule:
                return rule
        return None

    def matching(self, answer: str) -> list[int]:
        """The options that the answer is; of a sentence, its formula counts."""
        value = parse(answer)
        if isinstance(value, Text) and len(value.words) > 3:
            inner = find_formula(answer)
            found = read_options(self.choices, inner, parse(inner), self.comparison) if inner else []
            if found:
                return found
        return read_options(self.choices, answer, value, self.comparison)

    def verdict(self, correct: bool, found: Extraction, rule: str, reason: str, gold: GoldReference) -> _Ruling:
        if correct:
            return "correct", found.text[:SHOWN], rule, f"{reason} ({found.rule})"
        # With options, even a gold of many words is one of a few.
        if not gold.kind.usable and not self.choices:
            return "gold_unusable", found.text[:SHOWN], "gold", gold.kind.reason
        return "wrong", found.text[:SHOWN], rule, f"{reason} ({found.rule})"
