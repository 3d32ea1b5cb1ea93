"""The rule-based grader: grades one response against one gold, and names the rule that decided and the reason.

Deterministic, without clocks, signals or shared state (except caches), so it may run in any thread. Work is bounded by
limits on characters, tokens, depth and digits; no input makes it raise.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from mmk12.types import Status, Verdict
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.choices import find_only_letter, find_only_mentioned, read_letter, read_options
from mmk12.verifier.compare import Comparison
from mmk12.verifier.conditions import have_other_domains
from mmk12.verifier.extract import Extraction, NoExtraction, check_format, extract_answer
from mmk12.verifier.gold import GoldReference, make_reference, resolve_option
from mmk12.verifier.interpret import answer_shape, fit_blanks, has_unreduced, interpret
from mmk12.verifier.nodes import Sym, Text
from mmk12.verifier.profiles import Profile
from mmk12.verifier.sentences import find_formula, find_quantity
from mmk12.verifier.spec import GradingSpec

SHOWN = 200
"""Characters of the answer that a verdict quotes."""

_ASKS_PERCENT = re.compile(r"\bpercent(?:age)?\b|百分", re.IGNORECASE)

UNLABELLED = ("whole response", "end of response")
"""The rules by which a text is taken that nothing marks as an answer."""

_Ruling = tuple[Status, str | None, str, str]
"""Status, answer, rule and reason of a verdict."""


def grade(response: str, spec: GradingSpec, profile: Profile, *, cut: bool = False) -> Verdict:
    """Grades `response` against `spec` by the rules of `profile`, in this thread.

    Where the question asks for a percentage, `50 %` is right for a gold of `50`. A response that was `cut` at a limit
    of tokens answers only with what something ends: a closed tag or box, a whole sentence behind a label. Raises
    nothing for any string.
    """
    if spec.question and _asks_percent(spec.question):
        profile = replace(profile, extra_percent=True)
    try:
        grader = RuleGrader(profile, spec.choices, spec.largest_error)
        ruling = grader.grade(response, spec.reference, spec.answer_type, cut=cut)
    except (ArithmeticError, LookupError, RecursionError, ValueError) as fault:
        # No known string leads here, and the tests search for one. If one exists, it costs a verdict, not a run.
        ruling = "error", None, "verifier", f"the verifier failed: {type(fault).__name__}: {fault}"
    return Verdict(*ruling, check_format(response), profile.name)


def _is_identical(answer: str, gold: str) -> bool:
    """Whether both are the same text, which is right for any gold.

    Texts without letters or digits are left to the rules.
    """
    shown = answer_shape(answer)
    return shown == answer_shape(gold) and any(char.isalnum() for char in shown)


def _asks_percent(question: str) -> bool:
    # The plain searches come first: the pattern is slow on a long question.
    asks = "ercent" in question or "百分" in question or "ERCENT" in question
    return asks and bool(_ASKS_PERCENT.search(question))


class RuleGrader:
    """Grades responses under one profile, with one list of options and one tolerance."""

    __slots__ = ("choices", "comparison", "profile")

    def __init__(self, profile: Profile, choices: tuple[str, ...], tolerance: Decimal | None) -> None:
        self.profile = profile
        self.choices = choices
        self.comparison = Comparison(profile, tolerance)

    def grade(self, response: str, text: str, declared: str, *, cut: bool = False) -> _Ruling:
        """Grades a response against the gold `text`; `declared` is its answer type."""
        extraction = extract_answer(response)
        if cut and isinstance(extraction, Extraction) and extraction.open:
            extraction = NoExtraction("the response was cut at its limit before an answer ended")
        if isinstance(extraction, Extraction) and not self.choices and _is_identical(extraction.text, text):
            reason = f"the answer is the gold, letter by letter ({extraction.rule})"
            return "correct", extraction.text[:SHOWN], "identical", reason
        if declared == "choice" and text.strip() in self.choices and not text.strip().isupper():
            # The gold is the text of an option (`x`), not the letter of one.
            declared = "auto"
        gold = make_reference(text, declared)
        if not gold.values:
            return "gold_unusable", None, "gold", gold.kind.reason
        if isinstance(extraction, NoExtraction):
            return "wrong" if extraction.conflict else "no_answer", None, "extraction", extraction.reason
        if self.is_choice(gold):
            return self.grade_choice(response, extraction, gold)
        return self.grade_value(extraction, gold)

    def is_choice(self, gold: GoldReference) -> bool:
        return bool(self.choices) or gold.kind.type == "letter"

    def grade_choice(self, response: str, extraction: Extraction, gold: GoldReference) -> _Ruling:
        """Grades a choice: the answer names an option by letter or by value, and so does the gold."""
        right = self.find_right_letters(gold)
        named = None if extraction.doubt else self.read_letter(extraction.text, gold)
        if named is not None:
            index = ord(named) - ord("A")
            if not self.choices or index < len(self.choices) or named in right:
                return self.decide(named in right, extraction, "option letter", f"the answer is option {named}", gold)
        if not self.choices:
            return self.grade_letter(response, extraction, gold, right)
        matching = [] if extraction.doubt else self.find_equal_options(extraction.text)
        by_value = len(matching) != 1 and gold.kind.type != "letter" and not extraction.doubt
        direct = self.find_rule(extraction, gold) if by_value else None
        if direct:
            return self.decide(True, extraction, direct, "the answer is the gold", gold)
        matching = matching or self.find_mentioned_options(response, extraction)
        if len(matching) == 1:
            name = chr(ord("A") + matching[0])
            return self.decide(
                name in right, extraction, "option value", f"the answer is the value of option {name}", gold
            )
        if len(matching) > 1:
            return "wrong", extraction.text[:SHOWN], "option value", "the answer fits several options"
        return self.refuse(extraction, "option value", "the answer is no option", gold)

    def read_letter(self, answer: str, gold: GoldReference) -> str | None:
        """Returns the letter of an option that an answer names; where a letter is declared, a small one may."""
        return (resolve_option(answer) if gold.declared == "choice" else None) or read_letter(answer)

    def grade_letter(self, response: str, extraction: Extraction, gold: GoldReference, right: set[str]) -> _Ruling:
        """Grades against the letter of an option whose text is unknown."""
        only = find_only_letter(response) if self.may_mention(extraction) else None
        if only is not None:
            return self.decide(only in right, extraction, "only letter", f"the only option named is {only}", gold)
        return self.refuse(extraction, "option letter", "the answer names no single option", gold)

    def may_mention(self, extraction: Extraction) -> bool:
        """Whether an option that is only mentioned counts: nothing is stated, but more is said than a plan."""
        return extraction.rule in UNLABELLED and not (extraction.doubt and extraction.rule == "whole response")

    def find_mentioned_options(self, response: str, extraction: Extraction) -> list[int]:
        """Returns the option that prose names: by its only letter, the only option whose text it has, or its number.

        Where an answer is stated, behind a tag, in a box, behind a label, only the stated words can name it.
        """
        if extraction.rule not in UNLABELLED:
            index = find_only_mentioned(self.choices, extraction.text, stated=True)
            return [] if index is None else [index]
        if not self.may_mention(extraction):
            return []
        only = find_only_letter(response)
        if only is not None and ord(only) - ord("A") < len(self.choices):
            return [ord(only) - ord("A")]
        index = find_only_mentioned(self.choices, response)
        if index is not None:
            return [index]
        number = None if extraction.doubt else find_quantity(extraction.text)
        return read_options(self.choices, number, parse(number), self.comparison) if number else []

    def find_right_letters(self, gold: GoldReference) -> set[str]:
        """Returns the letters that are right; options with the same text are the same answer."""
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

    def grade_value(self, extraction: Extraction, gold: GoldReference) -> _Ruling:
        if extraction.doubt:
            return "no_answer", None, "extraction", extraction.doubt
        extraction = fit_blanks(extraction, gold)
        rule = self.find_rule(extraction, gold)
        if rule and not self.profile.unreduced and has_unreduced(extraction.text):
            return self.decide(False, extraction, "unreduced", "a fraction is not in lowest terms", gold)
        if rule and have_other_domains(extraction.text, gold.text):
            return self.decide(False, extraction, "domain", "its letter ranges over other numbers", gold)
        if rule:
            return self.decide(True, extraction, rule, "the answer equals the gold", gold)
        return self.decide(False, extraction, "compared", "the answer does not equal the gold", gold)

    def find_rule(self, extraction: Extraction, gold: GoldReference) -> str | None:
        answer = interpret(extraction.text, gold)
        for value in gold.values:
            rule = self.comparison.rule(value, answer)
            if rule:
                return rule
        return None

    def find_equal_options(self, answer: str) -> list[int]:
        """Returns the indices of the options that the answer equals; for a sentence, its formula is compared."""
        value = parse(answer)
        if isinstance(value, Text) and len(value.words) > 3:
            inner = find_formula(answer)
            options = read_options(self.choices, inner, parse(inner), self.comparison) if inner else []
            if options:
                return options
        return read_options(self.choices, answer, value, self.comparison)

    def refuse(self, extraction: Extraction, rule: str, reason: str, gold: GoldReference) -> _Ruling:
        """Returns the verdict on a response that named no option: nothing was said where nothing is stated."""
        if extraction.doubt:
            return "no_answer", None, "extraction", extraction.doubt
        return self.decide(False, extraction, rule, reason, gold)

    def decide(self, correct: bool, extraction: Extraction, rule: str, reason: str, gold: GoldReference) -> _Ruling:
        if correct:
            return "correct", extraction.text[:SHOWN], rule, f"{reason} ({extraction.rule})"
        # With options, even a gold of many words is one of a few.
        if not gold.kind.usable and not self.choices:
            return "gold_unusable", extraction.text[:SHOWN], "gold", gold.kind.reason
        return "wrong", extraction.text[:SHOWN], rule, f"{reason} ({extraction.rule})"
