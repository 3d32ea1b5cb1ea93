"""What sympy decides when it is asked, what it is never asked, and that it can neither hang nor crash a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.errors import BadRecipe, UnknownName
from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.types import Verdict
from mmk12.verifier import reward, verify, verify_many
from mmk12.verifier.fallback import may_decide
from mmk12.verifier.pool import Pool
from mmk12.verifier.profiles import find_profile, with_fallback
from mmk12.verifier.spec import GradingSpec

# gold, right answers, wrong answers
DECIDED = [
    (r"\int_0^1 x^2\,dx", [r"\frac13", "1/3"], ["0.333", "3", r"\frac13 x"]),
    (r"$\int_{0}^{\pi}\sin x\,\mathrm{d}x$", ["2"], ["0", r"\pi"]),
    (r"\int_1^e \frac{1}{x} dx", ["1"], ["e"]),
    (r"\int_0^a x\,dx", [r"\frac{a^2}{2}"], [r"\frac{a^2}{3}", r"\frac{b^2}{2}", "2"]),
    (r"\int_0^\infty e^{-x^2}dx", [r"\frac{\sqrt{\pi}}{2}"], [r"\sqrt{\pi}"]),
    (r"\sum_{k=1}^{n} k^2", [r"\frac{n(n+1)(2n+1)}{6}", r"\sum_{j=1}^{n} j^2"], [r"\frac{n(n+1)}{2}", "n^2"]),
    (r"\sum\limits_{k=1}^{n}(2k-1)", ["n^2"], ["n^2+n", "m^2"]),
    (r"\sum_{n=1}^\infty \frac{1}{n^2}", [r"\frac{\pi^2}{6}"], ["1.6449", r"\infty"]),
    (r"\sum_{n=1}^{\infty}\frac{1}{n}", [r"\infty"], ["5", r"-\infty"]),
    (r"S_n=\sum_{k=1}^{n}\frac{1}{k(k+1)}", [r"S_n=\frac{n}{n+1}", r"\frac{n}{n+1}"], [r"\frac{1}{n+1}"]),
    (r"\prod_{k=1}^{n} k", ["n!"], ["n"]),
    (r"\lim_{x\to 0}\frac{\sin 3x}{x}", ["3"], ["1", "0"]),
    (r"\lim_{n\to\infty}\left(1+\frac1n\right)^n", ["e"], ["1", "2.718"]),
    (r"\frac{d}{dx}\left(x^2e^x\right)", ["(x^2+2x)e^x"], ["2xe^x", "x^2e^x"]),
    (r"\frac{\mathrm{d}}{\mathrm{d}x}x^3", ["3x^2"], ["x^2", "3x"]),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}^{-1}", [r"\begin{pmatrix}-2&1\\\frac32&-\frac12\end{pmatrix}"], ["5"]),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}^{2}", [], [r"\begin{pmatrix}7&10\\15&23\end{pmatrix}"]),
    (r"\det\begin{pmatrix}1&2\\3&4\end{pmatrix}", ["-2"], ["2"]),
    ("x^2-3x+2<0", ["1<x<2", "(1,2)"], ["1<x<3", "x<2", r"1\le x<2"]),
    ("x^2>4", ["x<-2 or x>2", r"(-\infty,-2)\cup(2,\infty)"], ["x>2", "x<-2 or x>3"]),
]

# gold, wrong answers: near misses, the integrand, other names, a part of the solutions, gaming.
WRONG = [
    (r"\int_0^2 x^3\,dx", ["8", "2", "16", r"\frac{x^4}{4}", "4x"]),
    (r"\int_1^2 \frac{1}{x}dx", ["0.693", r"\ln 3", r"\ln x", r"\log_{10}2"]),
    (r"\int_0^t 2x\,dx", ["x^2", "t", "2t", "t^2+1", r"t^2 \text{ or } 0"]),
    (r"\int_0^1\int_0^1 xy\,dx\,dy", ["1", r"\frac12", r"\frac{xy}{4}"]),
    (r"\sum_{k=1}^{n} k^3", [r"\frac{n^2(n+1)}{4}", r"\frac{k^2(k+1)^2}{4}", "n^3"]),
    (r"\sum_{k=0}^{\infty}\frac{1}{2^k}", ["1", r"\infty", "1.99999"]),
    (r"\sum_{k=0}^{n}\binom{n}{k}", ["2n", "n^2", "2^k", "2^{n+1}", "2^n-1"]),
    (r"\prod_{k=1}^{n}2k", ["2n!", "2^n", "(2n)!", "n!"]),
    (r"a_n=\sum_{k=1}^{n}2k", ["b_n=n^2+n", "n^2", "a_n=n^2-n", "a_{n+1}=n^2+n"]),
    (r"\lim_{x\to\infty}\frac{2x+1}{x}", [r"\infty", "0", "2x", "2.1"]),
    (r"\lim_{x\to 0^+}\ln x", ["0", r"\infty", "-100"]),
    (r"\lim_{h\to 0}\frac{(x+h)^2-x^2}{h}", ["2h", "x", "0", "x^2"]),
    (r"\frac{d}{dx}\ln(x^2+1)", [r"\frac{1}{x^2+1}", r"\frac{2x}{x^2-1}", "2x"]),
    (r"\frac{d}{dt}\sin(2t)", [r"\cos(2t)", r"2\cos t", r"-2\cos 2t", r"2\cos 2x"]),
    ("x^2-x-6>0", ["-2<x<3", "x>3", "x<-2", r"(-\infty,-2]\cup[3,\infty)", "x>3 or x<2"]),
    (r"x^2\le 9", ["x<3", r"x\le 3", "-3<x<3", "[-3,3)", "[0,3]"]),
    ("|x-1|<2", ["-1<x<4", r"-1\le x\le 3", "x<3", "(1,3)"]),
    (r"\frac{1}{x}>1", ["x<1", "x>1", "0<x", "(0,1]"]),
    ("x+y>1", ["x>1", "x>1+y"]),
    (
        r"\begin{pmatrix}2&0\\0&4\end{pmatrix}^{-1}",
        [r"\begin{pmatrix}\frac12&0\\0&4\end{pmatrix}", r"\begin{pmatrix}\frac12\\\frac14\end{pmatrix}", r"\frac18"],
    ),
    (r"\det\begin{pmatrix}a&b\\c&d\end{pmatrix}", ["ad+bc", "bc-ad", "ab-cd", r"\begin{pmatrix}a&b\\c&d\end{pmatrix}"]),
    (r"\sum_{k=1}^{n} x^k", ["x^n", "nx", r"\frac{x^n-1}{x-1}", r"\frac{n(n+1)}{2}"]),
    (
        r"\int_0^1 x\,dx",
        [r"\int_0^1 x^2\,dx", "0.5 or 1", "0.5, 1", "1/2=1", "0<x<1", "0.5+C", r"\frac{0}{0}", r"\sum"],
    ),
    (r"\sum_{k=1}^{\infty}\frac{1}{k}", ["1/0", r"\infty-\infty", r"\infty i", "-1/12", "10^{100}"]),
]

# What sympy would misread, what it cannot decide, and what is no formula: nothing is paid.
REFUSED = [
    (r"\sum_{i=1}^{n} x_i", "n x_i"),
    (r"\int_0^{1} f(x)\,dx", "3"),
    (r"\int x e^x dx + C", "xe^x-e^x+C"),
    (r"\lim_{x\to 0}\frac1x", r"\infty"),
    (r"\frac{d}{dx}f", "0"),
    (r"\sum_{k=1}^{n} k + \ldots", "n"),
    (r"\int_0^1 x\,dx \text{ square metres}", "0.5"),
    ("the sum of the first n integers", r"\frac{n(n+1)}{2}"),
    (r"\sum_{k=1}^{3} k", "the sum is six"),
    (r"\int_0^1 x^2\,dx", "__import__"),
]


@pytest.mark.parametrize("cases", [DECIDED[::5], pytest.param(DECIDED, marks=pytest.mark.slow)], ids=["some", "all"])
def test_what_sympy_decides(cases: list[tuple[str, list[str], list[str]]]) -> None:
    wrong = []
    for gold, right, others in cases:
        for answer, correct in [*((one, True) for one in right), *((one, False) for one in others)]:
            verdict = verify(f"\\boxed{{{answer}}}", gold, fallback="sympy")
            if verdict.correct is not correct or verdict.rule != "sympy":
                wrong.append((gold, answer, verdict))
    assert not wrong


def test_what_sympy_must_not_pay() -> None:
    paid = [
        (gold, answer) for gold, answer in REFUSED if verify(f"\\boxed{{{answer}}}", gold, fallback="sympy").correct
    ]
    assert not paid


@pytest.mark.parametrize("cases", [WRONG[::6], pytest.param(WRONG, marks=pytest.mark.slow)], ids=["some", "all"])
def test_a_wrong_answer_is_never_paid(cases: list[tuple[str, list[str]]]) -> None:
    paid = [
        (gold, answer)
        for gold, answers in cases
        for answer in answers
        if verify(f"\\boxed{{{answer}}}", gold, fallback="sympy").correct
    ]
    assert not paid


def test_what_the_caller_allows_holds_for_sympy_too() -> None:
    gold = r"\int_0^1 x^2\,dx"
    answers = [("0.333", {"precision": 3}), ("0.3", {"tolerance": 0.05}), ("0.332", {"precision": 3}), ("0.333", {})]
    found = [verify(f"\\boxed{{{answer}}}", gold, fallback="sympy", **allowed).correct for answer, allowed in answers]  # type: ignore[arg-type]
    assert found == [True, True, False, False]


def test_an_answer_that_was_cut_is_not_read_by_sympy() -> None:
    text, gold = r"The integral is the area. The final answer is \frac13", r"\int_0^1 x^2\,dx"
    assert verify(text, gold, fallback="sympy").correct
    assert not verify(text, gold, fallback="sympy", finish_reason="length").correct


def test_nobody_is_asked_unless_a_caller_wants_it() -> None:
    verdict = verify(r"\boxed{\frac13}", r"\int_0^1 x^2\,dx")
    assert (verdict.status, verdict.rule) == ("gold_unusable", "gold")


@pytest.mark.parametrize(
    ("response", "gold"),
    [
        (r"\boxed{0.5}", "1/2"),
        (r"\boxed{3}", "1/2"),
        (r"\boxed{x>2}", "x>3"),
        (r"\boxed{\sum_{k=1}^2 k}", "3"),  # an answer that is not worked out
        (r"\boxed{4}", r"\sum_{k=1}^{1234567890123} k"),
        (r"\boxed{4}", r"\sum_{k=1}^{2} " + "(" * 20 + "k" + ")" * 20),
        (r"\boxed{4}", r"\sum_{k=1}^{2} k" + "+k" * 300),
    ],
)
def test_sympy_is_not_asked_for_what_the_rules_read_or_beyond_the_bounds(response: str, gold: str) -> None:
    assert not may_decide(verify(response, gold), response, GradingSpec(gold))


def test_the_name_of_the_grader_tells_it() -> None:
    assert with_fallback("strict", None) == "strict"
    assert with_fallback("paper_instruct", "sympy") == "paper_instruct+sympy"
    assert find_profile("paper_instruct+sympy").format_weight == 0.5
    assert verify(r"\boxed{1}", "1", fallback="sympy").profile == "strict+sympy"
    for name in ("strict+maxima", "released_zero+sympy", "lax+sympy"):
        with pytest.raises(UnknownName):
            find_profile(name)
    with pytest.raises(UnknownName, match="fallback"):
        verify("1", "1", fallback="maxima")


ROWS = [{"response": f"\\boxed{{{answer}}}", "gold": gold} for gold, right, _ in DECIDED[:4] for answer in right]


@pytest.mark.slow
def test_every_way_to_grade_asks_alike(tmp_path: Path) -> None:
    alone = [verify(row["response"], row["gold"], fallback="sympy") for row in ROWS]
    assert list(verify_many(ROWS, fallback="sympy")) == alone == list(verify_many(ROWS, workers=2, fallback="sympy"))
    assert reward(ROWS[0]["response"], ROWS[0]["gold"], fallback="sympy")["score"] == 1.0
    rows, out = tmp_path / "rows.jsonl", tmp_path / "verdicts.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done = CliRunner().invoke(app, ["verify", str(rows), "--fallback", "sympy", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert [json.loads(line)["status"] for line in out.read_text().splitlines()] == ["correct"] * len(ROWS)
    explained = CliRunner().invoke(app, ["verify", str(rows), "--fallback", "sympy", "--explain"])
    assert "rule 'sympy'" in explained.output


@pytest.mark.slow
def test_what_never_ends_is_killed_and_the_next_row_is_graded() -> None:
    rows: list[dict[str, Any]] = [
        {"response": r"\boxed{5}", "gold": r"\sum_{i=1}^{10^{9}} i^{0.5}"},
        {"response": r"\boxed{5}", "gold": r"\int_0^{10^{10^{10}}} \sin(x^{x^x}) dx"},
        {"response": r"\boxed{5}", "gold": r"\sum_{k=1}^{2} 9^{9^{9^{9}}}"},
        {"response": r"\boxed{3}", "gold": r"\sum_{k=1}^{2} k"},
    ]
    with Pool(1, "strict+sympy", deadline=3.0) as pool:
        verdicts: list[Verdict] = list(pool.map(rows))
    assert [verdict.correct for verdict in verdicts] == [False, False, False, True]
    assert verdicts[0].status == "timeout"


def test_a_recipe_can_ask_for_it() -> None:
    recipe = apply_overrides(load_recipe("demo"), ("reward.fallback=sympy",))
    assert recipe.reward.grader == "paper_instruct+sympy"
    assert load_recipe("demo").reward.grader == "paper_instruct"
    with pytest.raises(BadRecipe, match="has a grader of its own"):
        apply_overrides(load_recipe("mm_eureka_8b_released"), ("reward.fallback=sympy",))


def test_grading_without_it_imports_no_sympy() -> None:
    code = (
        "import sys; from mmk12.verifier import verify; verify('1', r'\\int_0^1 x dx');"
        "sys.exit(any(name.split('.')[0] in ('sympy', 'latex2sympy2_extended', 'antlr4') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
