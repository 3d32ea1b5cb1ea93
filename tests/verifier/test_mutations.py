"""What holds for thousands of generated answers: a verdict for any mutation, symmetry, and no weight of names.

The generators are seeded. The fast suite runs a few hundred of each, the slow one what the verifier is held to.
"""

import random
import string

import pytest

from mmk12.types import ANSWER_TYPES
from mmk12.verifier import verify

SEEDS = (
    r"\begin{cases}u=4\\v=-1\end{cases}",
    r"f(t)=\begin{cases}t^2,&t>1\\2t,&t\le1\end{cases}",
    r"x=k\pi+\frac{\pi}{6}(k\in\mathbf{Z})",
    r"\overrightarrow{PQ}=3\overrightarrow{RS}",
    r"0.1\dot{6} or 2.7\overline{3}",
    r"\{k|k>1\}\cup[-2,\sqrt[3]{5})",
    r"The final answer is \boxed{12 \text{ cm}}.",
    "【答案】①③\n\nQuestion: what now?",
    "(1) 3 (2) -5 $x$ $y$",
    '{"answer": "2 h 30 min", "why": "so"}',
    r"\triangle ABC\cong\triangle PQR",
    r"\left(\begin{matrix}1&2\\3&4\end{matrix}\right)^{-1}",
    r"<think>3:45 p.m.</think><answer>\$5, 50\% of ½</answer><|im_end|>",
)
TOKENS = (
    r"\frac",
    "{",
    "}",
    r"\begin{cases}",
    r"\end{cases}",
    "&",
    r"\\",
    r"\overrightarrow{AB}",
    r"\bar x",
    r"\dot{1}",
    "7 2.7",
    r"\boxed{",
    "【答案】",
    "\n",
    "#### ",
    r"\pm",
    "min",
    " or ",
    "(x>0)",
    "$",
    "°",
    "，",
    "\ue000",
    "\ue001",
    "\u200b",
    "٣",
    "\u0305",
    "...",
)


def mutate(text, rng):
    """Inserts tokens, deletes pieces and repeats pieces of `text`."""
    for _ in range(rng.randint(0, 6)):
        place = rng.randrange(len(text) + 1)
        kind = rng.random()
        if kind < 0.4:
            text = text[:place] + rng.choice(TOKENS) + text[place:]
        elif kind < 0.7:
            text = text[:place] + text[place + rng.randint(1, 8) :]
        elif text:
            start = rng.randrange(len(text))
            text = text[:place] + text[start : start + rng.randint(1, 20)] + text[place:]
    return text


@pytest.mark.parametrize("count", [400, pytest.param(100_000, marks=pytest.mark.slow)])
def test_every_mutation_has_a_verdict(count):
    rng = random.Random(15)
    faults = []
    for _ in range(count):
        gold = mutate(rng.choice(SEEDS), rng)
        answer = mutate(rng.choice((gold, rng.choice(SEEDS))), rng)
        response = rng.choice(("{}", "\\boxed{{{}}}", "<answer>{}</answer>")).format(answer)
        declared = rng.choice(("auto", *ANSWER_TYPES))
        verdict = verify(response, gold, answer_type=declared, choices=rng.choice((None, ("1", "2", "x"))))
        if verdict.status == "error":
            faults.append((response, gold, declared, verdict.reason))
    assert not faults, faults[:5]


# Two spellings of one value, or of two: what is compared does not depend on its side or on its letters.

NAMES = "abnpquvwxyz"


def make_term(rng, depth=2):
    """Returns a random expression with names from `NAMES` in doubled angle brackets: `2<<x>>+1`."""
    if depth == 0 or rng.random() < 0.25:
        return rng.choice((f"<<{rng.choice(NAMES)}>>", f"<<{rng.choice(NAMES)}>>", str(rng.randint(1, 9))))
    one, other = make_term(rng, depth - 1), make_term(rng, depth - 1)
    return rng.choice(
        (
            f"{one}+{other}",
            f"{one}-{other}",
            f"({one})({other})",
            f"\\frac{{{one}}}{{{other}}}",
            f"({one})^{rng.randint(2, 3)}",
            f"\\sqrt{{{one}}}",
            f"|{one}|",
        )
    )


def respell(term, rng):
    """Returns the same value in another spelling, or another value."""
    return rng.choice(
        (
            term,
            f"1+{term}-1",
            f"\\frac{{2({term})}}{{2}}",
            f"-(-({term}))",
            f"({term})^1",
            f"{term}+1",
            f"2({term})",
            f"-({term})",
            f"|{term}|",
        )
    )


def make_pair(rng):
    """Returns two bare answers with names in angle brackets: expressions, equations, inequalities, points."""
    one = make_term(rng)
    other = respell(one, rng)
    frame = rng.choice(("{}", "{}", "<<m>>={}", "<<m>>>{}", "({},<<c>>)", "\\{{{},<<c>>\\}}", "{}, <<c>>"))
    return frame.format(one), frame.format(other)


def name(text, names):
    """Returns `text` with its names written as `names` says."""
    for letter in string.ascii_lowercase:
        text = text.replace(f"<<{letter}>>", f"{{{names.get(letter, letter)}}}")
    return text


def box(text):
    return f"\\boxed{{{text}}}"


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_verdicts_are_symmetric_and_know_no_names(count):
    rng = random.Random(7)
    asymmetric, renamed = [], []
    right = 0
    for _ in range(count):
        one, other = make_pair(rng)
        names = dict(zip(NAMES + "cm", rng.sample(NAMES + "cm", len(NAMES) + 2), strict=True))
        gold, answer = name(one, {}), name(other, {})
        verdict = verify(box(answer), gold)
        right += verdict.correct
        if verify(box(gold), answer).correct is not verdict.correct:
            asymmetric.append((gold, answer, verdict.rule))
        if verify(box(name(other, names)), name(one, names)).correct is not verdict.correct:
            renamed.append((gold, answer, name(one, names), name(other, names), verdict.rule))
    assert not asymmetric, (len(asymmetric), asymmetric[:5])
    assert not renamed, (len(renamed), renamed[:5])
    assert count / 4 < right < 3 * count / 4
