"""The published arithmetic, defects and all: each kept defect is a line of docs/ledger.md and a test here."""

import pytest

from mmk12.errors import UnknownName
from mmk12.evaluation.official import RULES, find_rule
from mmk12.evaluation.official.mathverse import mathverse
from mmk12.evaluation.official.mathvision import mathvision
from mmk12.evaluation.official.mathvista import edit_distance, mathvista, normalize
from mmk12.evaluation.official.olympiadbench import olympiadbench
from mmk12.types import Gold
from mmk12.verifier import verify
from tests.conftest import response

INTEGER, ONE_DECIMAL = Gold("14", "number"), Gold("1.2", "number", precision=1)
OPTIONS = Gold("18", "choice", ("9", "12", "18", "20"))
LETTER = Gold("C", "choice", ("$\\frac{1}{2}$", "$\\sqrt{3}$", "$2\\pi$", "40°", "none"))
FREE = Gold("$\\frac{2}{55}$")


def olympiad(text, several=False, tolerance=None):
    return Gold(text, "list" if several else "math", tolerance=tolerance)


@pytest.mark.parametrize(
    ("extraction", "gold", "form"),
    [
        ("14", INTEGER, "14"),
        ("14.0", INTEGER, "14"),
        ("-3.9", INTEGER, "-3"),
        ("14 cm", INTEGER, None),
        ("nan", INTEGER, None),
        ("inf", INTEGER, None),
        ("", INTEGER, None),
        ("1.24", ONE_DECIMAL, "1.2"),
        ("1.25", ONE_DECIMAL, "1.2"),
        ("1", ONE_DECIMAL, "1.0"),
        ("(b) 12", OPTIONS, "12"),
        ("C", OPTIONS, "18"),
        ("18", OPTIONS, "18"),
        ("18 cm", OPTIONS, "18"),
        ("[1, 2]", Gold("[1, 2]"), "[1, 2]"),
    ],
)
def test_mathvista_brings_answers_into_the_form_of_the_gold(extraction, gold, form):
    assert normalize(extraction, gold) == form


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        (response("$14$"), INTEGER, True),
        ("14", INTEGER, True),
        ("The answer is 14 cm.", INTEGER, True),
        ("The answer is 28/2.", INTEGER, False),
        ("The answer is 15.", INTEGER, False),
        ("18", OPTIONS, True),
        ("The answer is (C).", OPTIONS, True),
        ("I choose option C", OPTIONS, True),
        ("The answer is (B) 18.", OPTIONS, False),
        (response("$[1, 2]$"), Gold("[1, 2]"), False),
        ("[1, 2]", Gold("[1, 2]"), True),
    ],
)
def test_mathvista_from_a_whole_response(text, gold, right):
    assert mathvista(text, gold) is right


@pytest.mark.parametrize("gold", [Gold("", "choice", ("a", "b")), Gold("", "number")])
def test_the_unpublished_answers_of_mathvista_grade_nothing(gold):
    assert mathvista("The answer is 7.", gold) is None
    assert verify("The answer is 7.", gold).status == "gold_unusable"


def test_mathvista_guesses_the_nearest_option():
    guess = "I cannot tell: 19 or so"
    assert mathvista(guess, Gold("18", "choice", ("9", "18", "I cannot"))) is False
    assert mathvista(guess, Gold("I cannot", "choice", ("9", "18", "I cannot"))) is True
    assert mathvista("", Gold("9", "choice", ("9", "18", "200"))) is True
    assert verify("", Gold("9", "choice", ("9", "18", "200"))).status == "no_answer"


def test_mathvista_truncates_instead_of_comparing():
    assert mathvista("14.7", INTEGER) is True
    assert verify("14.7", INTEGER).status == "wrong"


def test_mathvista_takes_one_spelling_of_a_list():
    gold = Gold("[2014, 2016]")
    assert (mathvista("[2014,2016]", gold), mathvista("[2014, 2016]", gold)) == (False, True)
    assert verify("[2014,2016]", gold).correct


def test_mathverse_is_equality_of_strings():
    gold = Gold("$9 \\pi \\mathrm{cm}^{2}$", released="Area $=9 \\pi \\mathrm{cm}^{2}$")
    text = "The answer is $9\\pi$"
    assert (mathverse(text, gold), verify(text, gold).correct) == (False, True)
    assert mathverse("The answer is C", Gold("C", "choice")) is True
    assert mathverse("The answer is (C).", Gold("C", "choice")) is True
    assert mathverse("The answer is C", Gold("(C)", "choice")) is False


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("\\boxed{C}", LETTER, True),
        ("The final answer is (C).", LETTER, True),
        ("C\nbecause of this", LETTER, True),
        ("I choose C.", LETTER, True),
        ("so $x = \\boxed{2\\pi}$.", LETTER, True),
        ("It is 6.28", LETTER, True),
        ("\\boxed{6.28}", LETTER, True),
        ("\\boxed{A}", LETTER, False),
        ("\\boxed{\\frac{1}{2}}", LETTER, False),
        ("The answer is: $\\frac{2}{55}$", FREE, True),
        ("So the area is 0.04.", FREE, True),
        ("\\boxed{1} and \\boxed{\\dfrac{2}{55}}", FREE, True),
        ("", FREE, False),
        ("no idea", FREE, False),
        ("\\boxed{(1, \\frac{1}{2})}", Gold("(1,0.5)"), True),
        ("\\boxed{(1, 0.6)}", Gold("(1,0.5)"), False),
    ],
)
def test_mathvision_cuts_compares_and_rounds(text, gold, right):
    assert mathvision(text, gold) is right


def test_mathvision_rounds_to_two_decimals():
    text = "\\boxed{\\frac{2}{56}}"
    assert (mathvision(text, FREE), verify(text, FREE).correct) == (True, False)
    assert mathvision("\\boxed{0.5}", Gold("1:2")) is True


def test_mathvision_rejects_a_unit_in_the_box():
    text = "\\boxed{40\\text{ cm}}"
    assert (mathvision(text, Gold("40")), verify(text, Gold("40")).correct) == (False, True)


def test_mathvision_golds_stay_as_released():
    form_feed = Gold("\\frac{36}{13}", released="\x0crac{36}{13}")
    text = "\\boxed{\\frac{36}{13}}"
    assert (mathvision(text, form_feed), verify(text, form_feed).correct) == (False, True)
    assert mathvision("\\boxed{C}", Gold("C", "choice")) is True


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("So the final answer is \\boxed{4.2}.", olympiad("4.2"), True),
        ("所以最终答案是\\boxed{4.2}。", olympiad("4.2"), True),
        ("we find $x=4.2$", olympiad("4.2"), True),
        ("\\boxed{4.25}", olympiad("4.2", tolerance=0.1), True),
        ("\\boxed{4.25}", olympiad("4.2"), False),
        ("\\boxed{84, 69}", olympiad("$69$,$84$", several=True), True),
        ("\\boxed{69}, \\boxed{84}", olympiad("$69$,$84$", several=True), True),
        ("\\boxed{69}", olympiad("$69$,$84$", several=True), False),
        ("\\boxed{\\pm 2}", olympiad("2,-2", several=True), True),
        ("\\boxed{\\frac{n(n+1)}{2}}", olympiad("$\\frac{n^2+n}{2}$"), True),
        ("\\boxed{f(x)=2x}", olympiad("$2 x$"), True),
        ("\\boxed{\\sqrt{8}}", olympiad("$2\\sqrt{2}$"), True),
        ("\\boxed{2n+1}", olympiad("$2n$"), False),
        ("\\boxed{(-\\infty, 1]\\cup[10, +\\infty)}", olympiad("$(-\\infty,1]\\cup[10,\\infty)$"), True),
        ("\\boxed{(-\\infty, 1)}", olympiad("$(-\\infty,1]$"), False),
        ("\\boxed{x^2+y^2=1}", olympiad("$2x^2+2y^2=2$"), True),
        ("\\boxed{x^2-y^2=1}", olympiad("$x^2+y^2=1$"), False),
        ("\\boxed{0.64\\mathrm{~N}}", olympiad("0.64N"), True),
        ("\\boxed{unbalanced", olympiad("1"), False),
        ("", olympiad("1"), False),
    ],
)
def test_olympiadbench_pairs_answers(text, gold, right):
    assert olympiadbench(text, gold) is right


def test_olympiadbench_pays_a_hundred_times_too_much():
    for text in ("\\boxed{420}", "\\boxed{0.042}"):
        assert (olympiadbench(text, olympiad("4.2")), verify(text, olympiad("4.2")).correct) == (True, False)


def test_olympiadbench_counts_every_box():
    text = "First \\boxed{3}. So we have \\boxed{4.2}"
    assert (olympiadbench(text, olympiad("4.2")), verify(text, olympiad("4.2")).correct) == (False, True)


def test_olympiadbench_minds_spaces_around_a_union():
    text, gold = "\\boxed{(-\\infty, 1] \\cup [10, \\infty)}", olympiad("$(-\\infty,1]\\cup[10,\\infty)$")
    assert (olympiadbench(text, gold), verify(text, gold).correct) == (False, True)


def test_olympiadbench_forgets_missing_entries():
    text = "\\boxed{(1, 2)}"
    assert (olympiadbench(text, olympiad("(1,2,3)")), verify(text, olympiad("(1,2,3)")).correct) == (True, False)


def test_olympiadbench_overlooks_a_small_constant():
    text, gold = "\\boxed{n + 0.0005}", olympiad("$n$")
    assert (olympiadbench(text, gold), verify(text, gold).correct) == (True, False)


@pytest.mark.parametrize(
    ("a", "b", "expected"), [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("12", "21", 2), ("a", "a", 0)]
)
def test_distance_is_levenshteins(a, b, expected):
    assert edit_distance(a, b) == edit_distance(b, a) == expected


HOSTILE = [
    "(" * 100_000,
    "\\boxed{" * 20_000,
    "{" * 50_000 + "}" * 50_000,
    "9^{9^{9^{9}}}",
    "10^{400}",
    "$-10^{400}$ cm",
    "\\boxed{10^{400}}",
    "\\boxed{\\boxed{3}}",
    "\\boxed{9^{9^{9^{9}}}}",
    "\\boxed{" + "1," * 40_000 + "}",
    "\\pm " * 30_000,
    "the answer is " * 20_000,
    "A" * 200_000,
    "1e999999",
    "\\boxed{1/0}",
    "\\boxed{\\frac{1}{0}=x=y}",
    "\ud800 \u202e 𝟏𝟒",
    "__import__('os').system('true')",
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_responses_are_no_trouble(rule, number):
    for gold in (INTEGER, OPTIONS, LETTER, olympiad("$(1,2)$"), olympiad("1,2", several=True, tolerance=0.1)):
        assert find_rule(rule)(HOSTILE[number], gold) in (True, False)


def test_an_unknown_rule_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'mathvista'"):
        find_rule("mathvsta")
