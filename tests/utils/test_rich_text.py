"""Formulas, Markdown and folded parts as trees: what is set, what stays as written, what hostile text does."""

import random

import pytest

from mmk12.utils.rich_text import MAX_LENGTH, Marked, render_answer, render_response, render_text, to_html
from mmk12.utils.tex_math import MAX_DEPTH, draw_formula
from mmk12.utils.tex_math import MAX_LENGTH as LONGEST_FORMULA


def walk(trees):
    for tree in trees or []:
        yield tree
        if not isinstance(tree, str):
            yield from walk(tree[2:])


def tags(trees):
    return [tree[0] for tree in walk(trees) if not isinstance(tree, str)]


def texts(trees):
    return "".join(tree for tree in walk(trees) if isinstance(tree, str))


def sources(trees):
    """The source of each formula that is set, in order."""
    return [tree[1]["title"] for tree in walk(trees) if not isinstance(tree, str) and "title" in tree[1]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an $x^2$ and \\(y\\), then $$z$$ and \\[w\\]", ["$x^2$", "\\(y\\)", "$$z$$", "\\[w\\]"]),
        ("spaces inside $ x = 1 $ are fine", ["$ x = 1 $"]),
        ("from $400 to $500, or $5 and $10", []),
        ("costs \\$5 and $n$ more", ["$n$"]),
        ("one $ alone, then $x$", ["$x$"]),
        ("\\boxed{\\frac{1}{2}} without dollars", ["\\boxed{\\frac{1}{2}}"]),
        ("\\begin{align*}a&=b\\\\c&=d\\end{align*}", ["\\begin{align*}a&=b\\\\c&=d\\end{align*}"]),
        ("a paragraph $ends\n\nhere$ too", []),
        ("$\\number{24}\\unit{cm}$ and $\\overarc{AB}$", ["$\\number{24}\\unit{cm}$", "$\\overarc{AB}$"]),
        ("$x^$ $\\left( x$ $\\frac{1$ $\\nonsense{x}$ $n^2^3$", []),
    ],
)
def test_what_is_a_formula(text, found):
    assert sources(render_text(text)) == found
    if not found:
        assert render_text(text) is None


@pytest.mark.parametrize("text", ["\\frac{1}{2}", "x^2+1", "\\sqrt{3}", "a_1", "30^\\circ"])
def test_an_answer_is_a_formula_without_delimiters(text):
    assert sources(render_answer(text)) == [text]


@pytest.mark.parametrize("text", [None, "", "12", "C", "the_first_one of them both", "costs $5"])
def test_a_plain_answer_stays_plain(text):
    assert render_answer(text) is None


def test_think_and_answer_fold_and_hold_markdown():
    trees = render_response(["<think>1. **a**\n2. $b$</think> so <answer>", Marked("4"), "</answer>"])
    assert [tree[1]["class"] for tree in trees if tree[0] == "details"] == ["think", "answer"]
    assert {"ol", "li", "strong", "math", "mark"} <= set(tags(trees))
    assert texts(trees) == "thinkab" + "soanswer4"


def test_a_thought_that_was_cut_still_folds():
    (part,) = render_response(["<think>and on $x$ and on"])
    assert part[0] == "details"
    assert sources([part]) == ["$x$"]


def test_a_mark_in_a_formula_marks_the_formula():
    trees = render_response(["so $\\boxed{", Marked("5", "final"), "}$ it is 5"])
    (mark,) = [tree for tree in walk(trees) if tree[0] == "mark"]
    assert mark[1] == {"data-kind": "final"}
    assert sources([mark]) == ["$\\boxed{5}$"]


def test_a_mark_may_run_over_paragraphs():
    marks = [tree[2] for tree in walk(render_response(["a", Marked("b\n\nc"), "d"])) if tree[0] == "mark"]
    assert marks == ["b", "c"]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![p](http://e.org/x.png) <http://e.org>",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\style{position:fixed}{x}$",
    "$\\text{<script>alert(1)</script>}$",
    "$x\\hspace{99999em}y$",
    "```html\n<script>1</script>\n```",
    "\ue0000\ue000 \ue0025\ue003 \ue001",
    '"><b onmouseover=x>',
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_makes_no_element_of_its_own(text):
    trees = [*(render_response([text]) or []), *(render_text(text) or []), *(render_answer(text) or [])]
    assert not {"script", "img", "a", "b", "style", "iframe"} & set(tags(trees))
    for tree in walk(trees):
        if not isinstance(tree, str):
            assert not set(tree[1]) & {"href", "src", "style", "onerror", "onmouseover"}
            assert "9999" not in tree[1].get("width", "")
    html = str(to_html(trees, text))
    assert "<script" not in html and "<img" not in html and "<b " not in html
    assert "<script" not in str(to_html(None, text))


def test_hidden_characters_are_named_in_html():
    assert "[U+202E]" in to_html(render_response(["a\u202eb $\\text{\u202ec}$"]), "")
    assert "[U+202E]" in to_html(None, "a\u202eb")


@pytest.mark.parametrize(
    "tex",
    [
        "{" * (MAX_DEPTH + 1) + "x" + "}" * (MAX_DEPTH + 1),
        "\\left(" * 200 + "x" + "\\right)" * 200,
        "x" * (LONGEST_FORMULA + 1),
        "x_" * 900,
        "\\sqrt" * 400,
        "\\frac" * 390,
        "\\begin{matrix}" * 100,
        "x^" + "{x^" * 300,
        "  ",
    ],
)
def test_too_much_is_not_drawn(tex):
    assert draw_formula(tex) is None
    assert tex.strip() in texts(render_response([f"`{tex}`"]))


def test_a_text_that_is_too_long_is_shown_as_it_was_written():
    assert render_response(["$x$ " * MAX_LENGTH]) is None
    assert render_text("$x$ " * MAX_LENGTH) is None


PIECES = [
    "$",
    "$$",
    "\\[",
    "\\]",
    "\\(",
    "{",
    "}",
    "\\frac",
    "\\boxed{",
    "^",
    "_",
    "&",
    "\\\\",
    "\n",
    "\n\n",
    "- ",
    "|",
    "`",
    "*",
]
PIECES += [
    "<think>",
    "</think>",
    "<answer>",
    "\\begin{cases}",
    "\\end{cases}",
    "\\left(",
    "\\right)",
    "x",
    "1",
    " ",
    "\ue000",
    "\ue002",
    "#",
]


def test_random_pieces_of_tex_and_markdown_never_fail():
    """Nothing is raised, and what is set is balanced: the same text gives the same trees."""
    draw = random.Random(19)
    for _ in range(1500):
        parts = ["".join(draw.choices(PIECES, k=draw.randrange(12))) for _ in range(3)]
        marked = [parts[0], Marked(parts[1]), parts[2]]
        assert render_response(marked) == render_response(marked)
        render_answer("".join(parts))
