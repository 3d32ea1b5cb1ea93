r"""Grades MATH-Vision by the rules of `evaluation/evaluate.py` and `utils.py` (github.com/mathllm/MATH-V).

No GPT: the answer is cut out of the response by string operations, and compared with the gold letter and with the
text of the gold option, lower-cased, as strings or as numbers rounded to two decimals. Upstream evaluates the sympy
form of the answer as Python; here our grammar reads it, so nothing is executed.

Kept: 2/55 equals 2/56, and 1:2 equals 0.5; what follows the last `=`, and the last "is " before a number, is the
answer; a unit or a word beside the number is wrong; of several boxes the last counts; a faulty gold of the release (a
form feed for `\f`) stays as it is.
"""

from __future__ import annotations

from mmk12.evaluation.official.parsing import (
    get_released_text,
    python_float,
    read_number,
    read_stated,
    to_float,
)
from mmk12.types import Gold

_LETTERS = "ABCDE"
_ANCHORS = ("the final answer is", "the answer is", "the correct answer is", "the answer should be")
_MARKS = ("oxed{", *_ANCHORS, *(anchor.capitalize() for anchor in _ANCHORS))
"""By these upstream finds an answer in prose."""
_DRESSING = (
    (" ", ""),
    ("\\,", ""),
    ("∞", "\\infty"),
    ("+\\infty", "\\infty"),
    ("\\\\", "\\"),
    ("\n", ""),
    ("\\text", ""),
    ("\\mbox", ""),
    ("bmatrix", "pmatrix"),
    ("\\left", ""),
    ("\\right", ""),
    ("^{\\circ}", ""),
    ("^\\circ", ""),
    ("{m}^3", ""),
    ("m^3", ""),
    ("{units}", ""),
    ("units", ""),
    ("{km}", ""),
    ("km", ""),
    ("\\!", ""),
    ("tfrac", "frac"),
    ("dfrac", "frac"),
    ("\\$", ""),
    ("$", ""),
    ("\\%", ""),
    ("{.", "{0."),
)
MAX_TAIL = 20_000
"""Characters from the end of a response that are read."""


def mathvision(response: str, gold: Gold) -> bool:
    """Returns whether the answer, cut out by upstream's rules or read by our extractor, is right by upstream's."""
    return mathvision_raw(read_stated(response[-MAX_TAIL:], _MARKS), gold)


def mathvision_raw(response: str, gold: Gold) -> bool:
    """Returns whether upstream's cut equals the gold, or the text of the option that the gold names."""
    answer = extract_answer(response[-MAX_TAIL:])
    expected = get_released_text(gold)
    index = ord(expected) - ord("A") if gold.choices and len(expected) == 1 else -1
    texts = [expected, gold.choices[index]] if 0 <= index < len(gold.choices) else [expected]
    return any(is_equal(text, answer) for text in texts)


def extract_answer(response: str) -> str:
    """Returns the answer by upstream's rules, in lower case and without units and markup."""
    text = response.strip()
    for letter in _LETTERS:
        ends, starts = (f" {letter}.", f" ({letter})."), (f"{letter}\n", f"({letter})\n", f"({letter}) {letter}\n")
        if text.endswith(ends) or text.startswith(starts):
            text = letter
    stated = text.split("is ")[-1].rstrip(".")
    if python_float(stated) is not None:
        text = stated
    boxes = text.count("oxed{")
    if boxes == 0:
        for anchor in _ANCHORS:
            text = _cut_after(_cut_after(text, anchor), anchor.replace("the", "The"))
    elif boxes > 1:
        text = "\\boxed{" + text.split("oxed{")[-1]
    text = _strip_dressing(_strip_box(text.lower().replace("{}", "")))
    for letter in _LETTERS.lower():
        text = text.replace(f"({letter})", letter).replace(f"{{{letter}}}", letter)
    return text.rstrip(".").lstrip(":").strip()


def _cut_after(text: str, anchor: str) -> str:
    """Returns what follows the last anchor, up to the end of the line or sentence; all of `text` without an anchor."""
    *before, rest = text.split(anchor)
    rest = rest.strip()
    return rest.split("\n")[0].split(". ")[0] if before else rest


def _strip_box(text: str) -> str:
    """Returns the content of the box by upstream's own rule, which counts no braces."""
    start, end = text.find("oxed{"), text.rfind("}")
    if 0 <= start < end - 4:
        text = text[start + 5 : end]
    closing, opening = text.find("}"), text.find("{")
    return text[:closing] if closing >= 0 and not 0 <= opening < closing else text


def _strip_dressing(text: str) -> str:
    text = text.split("=")[-1].split("\\approx")[-1]
    for old, new in _DRESSING:
        text = text.replace(old, new)
    return "0" + text if text.startswith(".") else text


def is_equal(gold: str, answer: str) -> bool:
    """Returns whether two answers are equal as strings, entry by entry, or as numbers rounded to two decimals."""
    gold, answer = gold.lower(), answer.lower()
    if not gold.replace(" ", "") or not answer.replace(" ", ""):
        return False
    if gold.strip() == answer.strip() or _round_entries(gold) == _round_entries(answer):
        return True
    ours, theirs = _round(gold), _round(answer)
    return ours is not None and ours == theirs


def _round_entries(text: str) -> str:
    """Rounds the entries of `(a, b)` and `[a, b]`; returns other texts, and entries of no value, as they are."""
    parts = text[1:-1].split(",")
    if (text[0], text[-1]) not in (("(", ")"), ("[", "]")) or len(parts) < 2:
        return text
    values = [part if "infty" in part or part in ("a", "-a") else _round(part) for part in parts]
    return text if None in values else text[0] + ",".join(map(str, values)) + text[-1]


def _round(text: str) -> float | None:
    over, colon, under = _cut_unbalanced(text).partition(":")
    expr = read_number(f"({over})/({under})" if colon else over)
    value = None if expr is None else to_float(expr)
    return None if value is None or abs(value) == float("inf") else round(value, 2)


def _cut_unbalanced(text: str) -> str:
    """Cuts a text at the first closing brace too many, where latex2sympy stops reading."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return text[:at]
    return text
