"""Kinds of answers that graders get wrong: what must never be paid, and what must never be refused.

Each line is one kind with cases of its own; all are graded in a box and in an answer section, in both directions where
`same` says that two texts are one answer.
"""

import pytest

from mmk12.types import Gold
from mmk12.verifier import classify_gold, verify

NEVER_PAID = {
    "a system's unknowns exchanged": (
        r"\begin{cases}u=4\\v=-1\end{cases}",
        ["u=-1, v=4", "v=4, u=-1", "(-1, 4)", r"u=-1 \text{ and } v=4", r"\begin{cases}u=-1\\v=4\end{cases}"],
    ),
    "a solution in braces": (r"\{a=3,b=8\}", ["a=8, b=3", "8, 3"]),
    "conditions joined by or": (r"\begin{cases}t>2\\t<9\end{cases}", [r"t>2 \text{ or } t<9", "t>2", "2<t<8"]),
    "pieces with the wrong condition": (
        r"f(t)=\begin{cases}t^2,&t>1\\2t,&t\le1\end{cases}",
        [
            r"\begin{cases}2t,&t>1\\t^2,&t\le1\end{cases}",
            r"f(t)=\begin{cases}t^2,&t\le1\\2t,&t>1\end{cases}",
            r"\begin{cases}t^2,&t>1\\2t,&t<1\end{cases}",
        ],
    ),
    "a vector turned round": (
        r"\overrightarrow{PQ}=3\overrightarrow{RS}",
        [r"\overrightarrow{PQ}=3\overrightarrow{SR}", r"\overrightarrow{QP}=3\overrightarrow{RS}", "PQ=3RS"],
    ),
    "a sum with one vector turned round": (
        r"\frac13\overrightarrow{PQ}+\frac23\overrightarrow{PR}",
        [r"\frac13\overrightarrow{QP}+\frac23\overrightarrow{PR}", r"\frac13PQ+\frac23PR"],
    ),
    "a conjugate or a complement without its bar": (r"\bar{w}+1", ["w+1"]),
    "another sign between the same letters": ("r∧s", ["r∨s", "r⇒s", "r⊕s", "r s"]),
    "another inclusion": ("M⊆N", ["N⊆M", "M⊇N", "M⊊N"]),
    "points exchanged": ("C(2,5), D(7,1)", ["C(7,1), D(2,5)", "D(2,5), C(7,1)"]),
    "names that are no roots": ("x_B=6, x_D=1", ["x_B=1, x_D=6"]),
    "an option instead of labelled values": ("A: 4; B: 9", ["A", "A: 9", "A: 9; B: 4"]),
    "words of letters in another order": ("7 oz", ["7 zo", "7 oz 3"]),
    "an ordinal's letters in another order": ("23rd", ["23dr"]),
    "a word that makes another number": ("9", ["9 dozen", "9 squared", "9 halves", "9 factorial", "9 times", "9打"]),
    "another correspondence of vertices": (r"\triangle ABC\cong\triangle PQR", ["△ABC≌△PRQ", "△ABC≌△QPR", "△BAC≌△PQR"]),
    "a recurring decimal that is cut": (r"0.\dot{4}", ["0.4", "0.44", "0.444"]),
    "digits behind the period": (r"\frac{4}{9}", [r"0.\overline{4}5", r"0.\dot{4}5", r"0.\dot{4}0\dot{4}1"]),
    "factors that look like a recurring decimal": ("2", [r"0.\overline{3}6", r"0.\dot{3}6"]),
    "two numbers side by side": ("121.5", ["12 1.5", "1 21.5"]),
    "numbers glued at a point": ("1.5234", ["1.5 234"]),
    "characters that nobody knows": ("p \ue100 q", ["p q", "p \ue101 q"]),
    "private characters instead of an arrow": (r"\overrightarrow{PQ}", ["\ue000PQ", "\ue000 PQ", "\ue001PQ"]),
    "a private character instead of a bar": (r"\bar{w}", ["\ue001w", "\ue000w", "\ue001{w}"]),
    "a part that is no constant": ("0", [r"\lfloor\sqrt{n-1}\rfloor", r"\lfloor\frac{1}{n}\rfloor", r"n-n_1"]),
    "a sign that only a root of a square hides": (r"\sqrt{q^2}", ["q", "-q"]),
    "the product of two absolute values": ("|p|q", ["p|q|", "pq", "|pq|"]),
}

SAME = {
    "a system in other dress": (
        r"\begin{cases}u=4\\v=-1\end{cases}",
        [
            "u=4, v=-1",
            "(4,-1)",
            "v=-1, u=4",
            r"\left\{\begin{array}{l}u=4\\v=-1\end{array}\right.",
            r"\left\{\begin{aligned}u&=4\\v&=-1\end{aligned}\right.",
            r"\begin{cases} u = 4, \\ v = -1. \end{cases}",
        ],
    ),
    "pieces in any order": (
        r"\begin{cases}t^2,&t>1\\2t,&t\le1\end{cases}",
        [
            r"\begin{cases}2t, & t \leqslant 1,\\ t^2, & t > 1.\end{cases}",
            r"\begin{cases}t^2&\text{if }t>1\\2t&\text{if }t\le1\end{cases}",
        ],
    ),
    "a vector and minus its reverse": (r"\overrightarrow{PQ}", [r"-\overrightarrow{QP}"]),
    "vertices in another order on both sides": (
        r"\triangle ABC\cong\triangle PQR",
        ["△BAC≌△QPR", "△PQR≌△ABC", "△CBA≅△RQP"],
    ),
    "zero": ("0", [r"\sin\pi", r"\cos 90^\circ", r"\tan 180^\circ", r"\sin 2\pi", r"\sqrt3-\sqrt3"]),
    "identities over the reals": (r"\sqrt{pq}", [r"\sqrt{p}\sqrt{q}", r"\sqrt q\cdot\sqrt p"]),
    "roots as powers": (r"w^{\frac34}", [r"\sqrt[4]{w^3}", r"\sqrt{w}\cdot\sqrt[4]{w}"]),
    "logarithms": (r"\ln(rs)", [r"\ln r+\ln s"]),
    "a root of a quotient": (r"\frac{1}{\sqrt u}", [r"\sqrt{\frac1u}"]),
    "powers of minus one": ("(-1)^{n+1}", ["(-1)^{n-1}", "-(-1)^n"]),
    "letters that are units elsewhere": ("$5m+3$", ["3+5m", "5m + 3"]),
    "a set in any letter": ("c<4", [r"\{c|c<4\}", r"\{ c \mid c < 4 \}"]),
    "sets in different letters": (r"\{k|k>1\}", [r"\{x\mid x>1\}", r"(1,+\infty)"]),
    "a sequence and where its index runs": (
        "a_n=3n+1",
        [r"a_n=3n+1\ (n\in\mathbb N^*)", r"a_n=1+3n, n\in N^*", "a_k=3k+1"],
    ),
    "a quantified formula": ("g(x)=cx", [r"g(x)=cx \text{ for any constant } c", "g(t)=ct"]),
    "families in any letter": (
        r"x=k\pi+\frac{\pi}{6}(k\in\mathbf{Z})",
        [r"x=\frac{\pi}{6}+n\pi, n\in\mathbb{Z}", r"x = m\pi + \frac{\pi}{6}\ (m \in Z)"],
    ),
    "a range behind a formula": (r"y=\frac{8}{x}(x>0)", [r"y=\frac8x,\ x>0", r"y = \frac{8}{x} \quad (x > 0)"]),
    "both signs inside brackets": (r"(\pm7,0)", ["(7,0),(-7,0)", "(-7,0), (7,0)"]),
    "both signs inside a set": (r"\{2\pm\sqrt3,5\}", [r"\{5,2-\sqrt3,2+\sqrt3\}"]),
    "the argument of a function by its value": (r"f(\frac14)<f(2)", ["f(0.25)<f(2)"]),
    "recurring decimals": (r"0.\dot{4}\dot{5}", [r"0.\overline{45}", r"\frac{5}{11}"]),
    "a period under combining marks": (
        r"\frac{7}{30}",
        ["0.23\u0307", "0.23\u0305", "0.2(3)", "0.2333...", r"0.2333\ldots"],
    ),
    "a period behind thousands": (r"\frac{11111}{9}", [r"1,234.\overline{5}", r"1234.\bar5", "1234.(5)", "1234.555…"]),
    "a long period": (r"\frac{1}{17}", [r"0.\overline{0588235294117647}", r"0.\dot{0}58823529411764\dot{7}"]),
    "a bar over a letter by a combining character": (r"\bar{w}+1", ["w\u0305+1", "1+w\u0304"]),
    "one digit under a dot": (r"\frac{2}{9}", [r"0.\dot2", r"0.\dot{2}", r"0.\bar2"]),
    "dots over the ends of a period": (r"\frac{37}{300}", [r"0.12\dot{3}"]),
    "circled numbers": ("②③", [r"\textcircled{2}\textcircled{3}", "(2)(3)"]),
    "compound quantities": ("3 h 15 min", ["3h15min", "195 min", "3 hours 15 minutes", "3.25 h"]),
    "a compound length": ("2 m 40 cm", ["2.4 m", "240 cm"]),
    "signs of a list": ("-3<z<5", [r"z>-3 \wedge z<5"]),
    "areas in one sign": ("6㎡", ["6 m²", "6 m^2", "6"]),
    "a direction with a degree sign": ("南偏西40°", [r"南偏西40^\circ", "南偏西 40 度", r"\text{南偏西}40^\circ"]),
    "labels of values": ("最大值9，最小值4", ["最大值为9，最小值为4", "最大值=9，最小值=4"]),
    "rows of an answer": ("p=6, q=1", [r"p=6 \\ q=1"]),
    "size commands": ("31", [r"\large 31", r"31\\"]),
}


@pytest.mark.parametrize("kind", NEVER_PAID)
def test_never_paid(kind):
    gold, answers = NEVER_PAID[kind]
    assert classify_gold(gold).usable
    for answer in answers:
        for response in (f"\\boxed{{{answer}}}", f"<think>t</think><answer>{answer}</answer>"):
            assert not verify(response, gold).correct, (gold, response)


@pytest.mark.parametrize("kind", SAME)
def test_never_refused(kind):
    gold, answers = SAME[kind]
    assert classify_gold(gold).usable
    for answer in (gold, *answers):
        for response in (f"\\boxed{{{answer}}}", f"<think>t</think><answer>{answer}</answer>"):
            assert verify(response, gold).correct, (gold, response, verify(response, gold))


FORMULA_OF_ZERO = [r"\lfloor\sqrt{n-1}\rfloor", r"\lfloor\frac1n\rfloor", "m-n"]


@pytest.mark.parametrize("gold", FORMULA_OF_ZERO)
def test_zero_is_no_formula(gold):
    assert not verify("0", gold).correct
    assert verify(f"\\boxed{{{gold}}}", gold).correct


def test_odd_marks_of_a_period_are_read_or_refused():
    """Each was once an error or another number."""
    for text in (
        "Thr is.7 2.7\\\\\\ndot{1}e",
        "1.2.\\dot{3}",
        "\\dot{1}",
        ".\\dot",
        "0.\\dot{1}2\\dot",
        "0.\\overline{}",
    ):
        for gold in ("0", text):
            assert verify(f"\\boxed{{{text}}}", gold).status in ("correct", "wrong", "no_answer", "gold_unusable"), text
        assert not verify(text, "1/9").correct


EATEN = {
    "\x0crac{3}{7}": r"\frac{3}{7}",
    "2\times 9": "18",
    "\theta+1": r"1+\theta",
    "4\text{ cm}": "4 cm",
    "\x08inom{5}{2}": "10",
    "\\left(1, 2\right]": "(1, 2]",
    "\x07lpha": r"\alpha",
    "\x0crac12+\x0crac13": r"\frac56",
    "x \neq 2": r"x \ne 2",
}


@pytest.mark.parametrize("gold", EATEN)
def test_escapes_that_json_ate_are_restored(gold):
    kind = classify_gold(gold)
    assert kind.usable and "JSON" in kind.reason, kind
    assert verify(f"\\boxed{{{EATEN[gold]}}}", gold).correct
    assert not verify("\\boxed{rac}", gold).correct


UNUSABLE = {
    "√": "tick or a cross",
    "×": "tick or a cross",
    r"$\times$": "tick or a cross",
    "✗": "tick or a cross",
    "None": "empty",
    "N/A": "empty",
    "": "empty",
    "3\x005": "control character",
    "\x1b[1m7": "control character",
}


@pytest.mark.parametrize("gold", UNUSABLE)
def test_the_linter_and_the_verdict_name_the_same_fault(gold):
    kind = classify_gold(gold)
    verdict = verify("<answer>7</answer>", gold)
    assert not kind.usable and UNUSABLE[gold] in kind.reason
    assert verdict.status == "gold_unusable" and verdict.reason == kind.reason


def test_the_linter_knows_options_as_the_verdict_does():
    text = "The train from the north is later than the one from the south because of snow"
    other = "The train from the south is later than the one from the north because of snow"
    assert not classify_gold(text).usable
    assert classify_gold(Gold(text, choices=(other, text))).usable
    assert verify("\\boxed{B}", Gold(text, choices=(other, text))).correct
    assert verify("\\boxed{A}", Gold(text, choices=(other, text))).status == "wrong"
    for sign in (">", "<", "≥"):
        assert classify_gold(sign).usable and verify(f"\\boxed{{{sign}}}", sign).correct
