"""Shows the text of datasets and models as a reader expects it: formulas drawn, Markdown set, think and answer folded.

Text becomes trees (`mmk12.utils.tex_math`), never markup. A formula or a construct that cannot be drawn stays as it was
written. The source of a formula is kept with it, so that a page can show it on request.

`render_response` is for what a model wrote, `render_text` for questions and choices, `render_answer` for golds and
answers, which often are a formula without delimiters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup, escape

from mmk12.utils.templating import name_hidden
from mmk12.utils.tex_math import Tree, draw_formula

MAX_LENGTH = 60_000
"""Characters of the longest text that is set; a longer one is shown as it was written."""
MAX_FORMULAS = 1_000
"""Formulas drawn in one text; the others stay TeX."""

_START, _END, _OPEN, _CLOSE = "\ue000", "\ue001", "\ue002", "\ue003"
"""Private characters: around the number of a part that is marked, at its end, and around the number of a formula."""
_PRIVATE = re.compile("[\ue000-\ue003]")
_MARKS = re.compile(f"{_START}[0-9]+{_START}|{_END}")
_PLACEHOLDER = re.compile(f"({_OPEN}[0-9]+{_CLOSE}|{_START}[0-9]+{_START}|{_END})")

_FORMULA = re.compile(
    r"\\\$"
    r"|\$\$(?P<dollars>(?:[^$\\]|\\.)+?)\$\$"
    r"|\\\[(?P<brackets>.+?)\\\]"
    r"|\\\((?P<parens>.+?)\\\)"
    r"|(?P<environment>\\begin\{(?P<name>(?:align|aligned|array|cases|equation|gather|[bpvBV]?matrix)\*?)\}"
    r".+?\\end\{(?P=name)\})"
    r"|\$(?P<dollar>(?:[^$\\\n]|\\.|\n(?!\s*\n))+?)\$(?![0-9])"
    r"|(?P<boxed>\\f?boxed\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.)*\})*\})*\})*\})",
    re.DOTALL,
)
_TAG = re.compile(r"<(think|answer)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_TEX_SIGNS = re.compile(r"\\[a-zA-Z]+|[\^_]")
_WORDS = re.compile(r"(?<![\\a-zA-Z{])[a-zA-Z]{4,}\s+[a-zA-Z]{3,}")
"""Two words in a row, which a formula has only in the braces of a command such as \\text."""


class Marked(NamedTuple):
    """A part of a response that is marked, such as the extracted answer; `kind` is shown beside it."""

    text: str
    kind: str = ""


class _Formula(NamedTuple):
    source: str
    tex: str
    display: bool
    mark: int | None
    """The number of the part that is marked in it."""


def render_response(parts: Sequence[str | Marked]) -> list[Tree] | None:
    """Returns a response as trees: Markdown and formulas set, `<think>` and `<answer>` as parts that fold.

    Args:
        parts: The response, cut where a marked part begins and ends. A mark in a formula marks the whole formula.

    Returns:
        The trees; None if the response is too long to be set.
    """
    texts = [_name_private(part if isinstance(part, str) else part.text) for part in parts]
    if sum(map(len, texts)) > MAX_LENGTH:
        return None
    marks = [part.kind if isinstance(part, Marked) else None for part in parts]
    written = (
        text if marks[number] is None else f"{_START}{number}{_START}{text}{_END}" for number, text in enumerate(texts)
    )
    text, formulas = _take_formulas("".join(written))
    walker = _Walker(formulas, marks)
    trees: list[Tree] = []
    position = 0
    for tag in _TAG.finditer(text):
        trees += walker.set_markdown(text[position : tag.start()])
        trees.append(["details", {"class": tag[1], "open": ""}, ["summary", {}, tag[1]], *walker.set_markdown(tag[2])])
        position = tag.end()
    return trees + walker.set_markdown(text[position:])


def render_text(text: str) -> list[Tree] | None:
    """Returns a text with its formulas as trees; None if it has none that can be drawn."""
    if len(text) > MAX_LENGTH:
        return None
    text, formulas = _take_formulas(_name_private(text))
    trees = list(_Walker(formulas).set_text(text))
    return trees if any(isinstance(tree, list) and tree[0] == "span" for tree in trees) else None


def render_answer(text: str | None) -> list[Tree] | None:
    """Returns a gold or an answer as trees, also if it is a formula without delimiters; None if it has no formula."""
    if not text:
        return None
    trees = render_text(text)
    if trees is None and _TEX_SIGNS.search(text) and not _WORDS.search(text) and "$" not in text:
        tree = draw_formula(text.strip())
        return None if tree is None else [_wrap(_Formula(text, text, False, None), tree)]
    return trees


def to_html(trees: Sequence[Tree] | None, source: str) -> Markup:
    """Returns trees as HTML in which every text is escaped, and `source`, escaped, for None."""
    if trees is None:
        return escape(name_hidden(source))
    return Markup("").join(map(_write_html, trees))


def _write_html(tree: Tree) -> Markup:
    if isinstance(tree, str):
        return escape(name_hidden(tree))
    tag, attributes, *children = tree
    written = Markup("").join(Markup(' {}="{}"').format(name, name_hidden(value)) for name, value in attributes.items())
    if tag in ("br", "hr"):
        return Markup("<{}>").format(tag)
    return Markup("<{}{}>{}</{}>").format(tag, written, Markup("").join(map(_write_html, children)), tag)


# Formulas.


def _name_private(text: str) -> str:
    return _PRIVATE.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)


def _take_formulas(text: str) -> tuple[str, list[_Formula]]:
    """Returns a text in which a placeholder stands for each formula, and the formulas."""
    formulas, pieces, position = list[_Formula](), list[str](), 0
    while len(formulas) < MAX_FORMULAS and (match := _FORMULA.search(text, position)):
        formula = _read_formula(match)
        if formula is None:  # a dollar that is a price: it may still be the end of nothing and the begin of no formula
            end = match.end() if match[0] == "\\$" else match.start() + 1
            pieces.append(text[position:end])
            position = end
            continue
        pieces += text[position : match.start()], f"{_OPEN}{len(formulas)}{_CLOSE}"
        formulas.append(formula)
        position = match.end()
    return "".join((*pieces, text[position:])), formulas


def _read_formula(match: re.Match[str]) -> _Formula | None:
    kind = match.lastgroup if match.lastgroup != "name" else "environment"
    if kind is None:
        return None
    source, tex = match[0], match[kind]
    if kind == "dollar" and not _looks_like_formula(tex):
        return None
    mark = re.search(f"{_START}([0-9]+){_START}", source)
    display = kind in ("dollars", "brackets", "environment")
    return _Formula(_MARKS.sub("", source), _MARKS.sub("", tex), display, int(mark[1]) if mark else None)


def _looks_like_formula(tex: str) -> bool:
    """Returns whether text between two single dollars is a formula, and not what stands between two prices."""
    tex = _MARKS.sub("", tex)
    if _WORDS.search(tex) and "\\" not in tex:
        return False
    return bool(tex.strip()) and (not (tex[0].isspace() or tex[-1].isspace()) or bool(re.search(r"[\\^_=<>]", tex)))


def _wrap(formula: _Formula, tree: Tree) -> Tree:
    """Returns a formula with its source, which pages show on a click and as a title."""
    name = "formula display" if formula.display else "formula"
    return ["span", {"class": name, "title": formula.source}, tree]


# Markdown.


@cache
def _parser() -> MarkdownIt:
    """Returns a parser of Markdown without HTML, links and pictures; a line break of the source stays one."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    return parser.enable("table").disable(
        ["autolink", "code", "entity", "html_block", "html_inline", "image", "lheading", "link", "reference"]
    )


_BLOCKS = {"blockquote", "em", "hr", "li", "ol", "p", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}


class _Walker:
    """Turns Markdown into trees. It keeps which marked part has begun: that may run over several blocks."""

    def __init__(self, formulas: Sequence[_Formula], marks: Sequence[str | None] = ()) -> None:
        self.formulas = formulas
        self.marks = marks
        self.mark: int | None = None

    def set_markdown(self, text: str) -> list[Tree]:
        if not text.strip():
            return []
        return self._set_children(SyntaxTreeNode(_parser().parse(text)))

    def set_text(self, text: str, *, draw: bool = True) -> Iterator[Tree]:
        """Yields the trees of a text without Markdown; without `draw`, formulas stay as they were written."""
        for piece in _PLACEHOLDER.split(text):
            if piece == _END:
                self.mark = None
            elif piece.startswith(_START):
                self.mark = int(piece[1:-1])
            elif piece.startswith(_OPEN):
                formula = self.formulas[int(piece[1:-1])]
                tree = draw_formula(formula.tex, formula.display) if draw else None
                shown = formula.source if tree is None else _wrap(formula, tree)
                yield self._set_mark(shown, self.mark if formula.mark is None else formula.mark)
            elif piece:
                yield self._set_mark(piece, self.mark)

    def _set_mark(self, tree: Tree, mark: int | None) -> Tree:
        if mark is None:
            return tree
        kind = self.marks[mark]
        return ["mark", {"data-kind": kind} if kind else {}, tree]

    def _set_children(self, node: SyntaxTreeNode) -> list[Tree]:
        return [tree for child in node.children for tree in self._set_node(child)]

    def _set_node(self, node: SyntaxTreeNode) -> list[Tree]:
        kind = node.type
        if kind == "text":
            return list(self.set_text(node.content))
        if kind in ("code_inline", "fence", "code_block"):
            return [["code" if kind == "code_inline" else "pre", {}, *self.set_text(node.content, draw=False)]]
        if kind in ("softbreak", "hardbreak"):
            return [["br", {}]]
        children = self._set_children(node)
        if kind == "heading":
            return [["h4", {}, *children]]
        if node.tag in _BLOCKS and not (node.tag == "p" and node.hidden):
            start = {"start": str(node.attrs["start"])} if kind == "ordered_list" and "start" in node.attrs else {}
            return [[node.tag, start, *children]]
        return children
