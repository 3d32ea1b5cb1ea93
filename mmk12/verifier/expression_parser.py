"""The levels of precedence of the grammar, loosest first: sum, product (written or implied), sign, power, atom.

Recursion is bounded by the cursor and every step consumes a token, so the work is linear in the length of the
answer. The atoms are in `atoms`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import takewhile
from math import comb, perm
from typing import ClassVar

from mmk12.verifier.lexer import Token, UnreadableAnswer
from mmk12.verifier.nodes import (
    DEGREE,
    ONE,
    PERCENT,
    PI,
    THREE,
    TWO,
    Call,
    Const,
    Expr,
    Num,
    Sym,
    Unit,
    make_negative,
    make_power,
    make_product,
    make_quotient,
    make_sum,
)
from mmk12.verifier.vocabulary import split_names

# A place in a list of tokens, and the bounds on how deep a reader may go from there.


MAX_DEPTH = 80
"""Nested atoms and sums; well inside Python's own stack."""

_END = Token("stop", "", False)


class TokenCursor:
    """The tokens, the present one, and how deep the reader is.

    A sign such as `^` is told by its text alone: no token of another kind has it.
    """

    __slots__ = ("at", "bars", "blanks", "depth", "grouped", "items", "now")

    def __init__(self, items: list[Token]) -> None:
        self.items = items
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.grouped = 0
        self.blanks: bool | None = None
        self.now = items[0] if items else _END

    def step(self) -> Token:
        """Consumes the present token."""
        token = self.now
        self.at = at = self.at + 1
        self.now = self.items[at] if at < len(self.items) else _END
        return token

    def ahead(self, distance: int = 1) -> Token:
        index = self.at + distance
        return self.items[index] if index < len(self.items) else _END

    def expect(self, kind: str) -> Token:
        if self.now.kind != kind:
            raise UnreadableAnswer
        return self.step()

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableAnswer

    def group(self) -> list[Token]:
        """The tokens of a balanced `{…}`, without its braces."""
        self.expect("{")
        start, level = self.at, 1
        while level:
            token = self.step()
            if token.kind == "stop":
                raise UnreadableAnswer
            level += (token.kind == "{") - (token.kind == "}")
        return self.items[start : self.at - 1]


# Named functions with their index and exponent, as calls that `evaluate` knows.


_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}


def apply_function(name: str, args: list[Expr], base: Expr | None, exponent: Expr | None) -> Expr:
    """A named function with its index: `\\log_2 8`, `\\sin^2 x`, `\\sin^{-1} x`."""
    if name == "lg":
        name, base = "log", Num(Fraction(10))
    if name == "log":
        under = Call("ln", (base,)) if base is not None else Call("ln", (Num(Fraction(10)),))
        value: Expr = make_quotient(Call("ln", tuple(args)), under)
    elif name == "exp":
        value = make_power(Const("e"), args[0])
    elif exponent is not None and exponent == make_negative(ONE) and name in _INVERSES:
        return Call(_INVERSES[name], tuple(args))
    else:
        value = Call({"arccot": "acot"}.get(name, name), tuple(args))
    return make_power(value, exponent) if exponent is not None else value


def make_floor(arg: Expr) -> Expr:
    """The largest whole number that is not above `arg`."""
    return (
        Num(Fraction(arg.value.numerator // arg.value.denominator)) if isinstance(arg, Num) else Call("floor", (arg,))
    )


_COUNTS = {"C_": comb, "A_": perm}
MAX_CHOSEN = 300


def make_combinatorial(base: Expr, exponent: Expr) -> Expr | None:
    """`C_5^2` and `A_5^2`: combinations and arrangements as Chinese schools write them; None for anything else."""
    if not isinstance(base, Sym) or base.name[:2] not in _COUNTS or not isinstance(exponent, Num):
        return None
    below = base.name[2:]
    if not (below.isascii() and below.isdigit() and len(below) < 4) or exponent.value.denominator != 1:
        return None
    n, k = int(below), exponent.value.numerator
    return Num(Fraction(_COUNTS[base.name[:2]](n, k))) if 0 <= k <= n <= MAX_CHOSEN else None


# Numerals: exact values, and mixed numbers such as `1 1/2`.


MAX_DIGITS = 1200
MAX_EXPONENT = 3000


WHOLE = {str(value): Num(Fraction(value)) for value in range(1000)}
"""Most numerals that occur."""


def parse_number(text: str) -> Num:
    """The exact value of a numeral; raises `Unreadable` for one too large to hold."""
    known = WHOLE.get(text)
    if known is not None:
        return known
    digits = text.replace(",", "")
    mantissa, _, exponent = digits.replace("E", "e").partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 12 or (exponent and abs(int(exponent)) > MAX_EXPONENT):
        raise UnreadableAnswer
    whole, _, decimals = mantissa.partition(".")
    value = Fraction(int(whole + decimals), 10 ** len(decimals)) if decimals else Fraction(int(whole))
    return Num(value * Fraction(10) ** int(exponent) if exponent else value)


def parse_mixed_number(cursor: TokenCursor) -> Fraction | None:
    """The proper fraction of a mixed number such as `1 1/2` or `2\\frac{1}{3}`, if one comes next."""
    if cursor.now.kind not in ("num", "frac"):
        return None
    texts = [cursor.ahead(i).text if cursor.ahead(i).kind == "num" else cursor.ahead(i).kind for i in range(7)]
    if cursor.now.kind == "num" and cursor.now.spaced and cursor.ahead(1).text == "/":
        over, under, length = texts[0], texts[2], 3
    elif texts[0] == "frac" and texts[1] == "{" and texts[3:5] == ["}", "{"] and texts[6] == "}":
        over, under, length = texts[2], texts[5], 7
    elif texts[0] == "frac" and texts[1].isdigit() and len(texts[1]) == 2:
        over, under, length = texts[1][0], texts[1][1], 2
    else:
        return None
    if not (over.isdigit() and under.isdigit() and len(under) < 9 and len(over) < 9 and 0 < int(over) < int(under)):
        return None
    for _ in range(length):
        cursor.step()
    return Fraction(int(over), int(under))


MAX_DIVISIONS = 30
MAX_POSTFIXES = 4

_FACTORS = split_names(
    "sym run const fn open { frac sqrt root3 angle binom letterunit deg % unit unitmod currency floor"
)
_SIGNS = split_names("+ - pm mp")
_POSTFIXES = frozenset("!°%'_")
_SCALES = {"C": "℃", "F": "℉"}
_PRIMES = {"'": 1, '"': 2}
ENDS = split_names("} close rel sep stop infix")
"""Before these every term ends."""


class ExpressionGrammar(TokenCursor):
    """One method for each level of precedence."""

    __slots__ = ()

    def atom(self) -> Expr:
        """The smallest complete expression."""
        raise NotImplementedError

    def sum(self) -> Expr:
        """term ((+ | - | ±) term)*"""
        self.deeper()
        terms = [self.term()]
        while self.now.kind == "char" and self.now.text in _SIGNS:
            sign = self.now.text
            if sign in ("pm", "mp"):
                self.step()
                terms.append(Call(sign, (self.term(),)))
            elif self._next_number():
                break
            else:
                self.step()
                term = self.term()
                terms.append(make_negative(term) if sign == "-" else term)
        self.depth -= 1
        return make_sum(terms) if len(terms) > 1 else terms[0]

    def _next_number(self) -> bool:
        """Whether a sign belongs to the next blank: `1 1 -1`, numbers only and the sign glued to its number."""
        return self.now.spaced and not self.ahead().spaced and self.spaced_numbers()

    def spaced_numbers(self) -> bool:
        """Whether there are only signed numbers here, two of them set apart by nothing but space."""
        if self.blanks is None:
            self.blanks = all(token.kind == "num" or token.text in ("+", "-") for token in self.items) and any(
                a.kind == b.kind == "num" for a, b in zip(self.items, self.items[1:], strict=False)
            )
        return self.blanks

    def sign(self) -> tuple[bool, str]:
        """Leading signs: whether they negate, and `pm`/`mp` if the last one is."""
        negative = False
        while self.now.kind == "char" and self.now.text in _SIGNS:
            text = self.step().text
            if text in ("pm", "mp"):
                return negative, text
            negative ^= text == "-"
        return negative, ""

    def term(self) -> Expr:
        """sign? factor ((* | / | nothing) factor)*"""
        negative, double = self.sign() if self.now.kind == "char" else (False, "")
        factors = [self.factor()]
        divisions = 0
        while self.now.kind not in ENDS:
            text = self.now.text
            if text == "*" or text == "/":
                self.step()
                minus, _ = self.sign()
                factor = self.factor()
                factor = make_negative(factor) if minus else factor
                if text == "/":
                    divisions += 1
                    if divisions > MAX_DIVISIONS:
                        raise UnreadableAnswer
                    factors = [make_quotient(make_product(factors), factor)]
                else:
                    factors.append(factor)
            elif self.implied():
                factors.append(self.factor())
            else:
                break
        product = make_product(factors) if len(factors) > 1 else factors[0]
        if double:
            product = Call(double, (product,))
        return make_negative(product) if negative else product

    def implied(self) -> bool:
        """Whether the next token multiplies what stands before it.

        A number after a space is another answer, but for those in a LaTeX group: `{2^3 5^2}`.
        """
        kind = self.now.kind
        if kind == "num":
            return (not self.now.spaced or self.grouped > 0) and self.items[self.at - 1].kind != "num"
        if kind == "bar":
            return self.bars == 0 and any(token.kind == "bar" for token in self.items[self.at + 1 :])
        return kind in _FACTORS

    def factor(self) -> Expr:
        """atom postfix* (^ exponent)?"""
        base = self.atom()
        if self.now.text in _POSTFIXES:
            base = self.postfix(base)
        if self.now.text == "^":
            count, length = self.primes(self.at) if self.ahead().text in "'{" else (0, 0)
            if count and isinstance(base, Sym):
                # x^{\\prime}
                for _ in range(length):
                    self.step()
                return Sym(base.name + "'" * count)
            self.step()
            if self.now.text == "'":
                raise UnreadableAnswer
            exponent = self.exponent()
            if self.now.text == "_" and isinstance(base, Sym):
                # v^2_0 is v_0^2
                base = Sym(f"{base.name}_{self.subscript()}")
            base = self.postfix(make_combinatorial(base, exponent) or make_power(base, exponent))
        return base

    def postfix(self, base: Expr) -> Expr:
        for _ in range(MAX_POSTFIXES):
            token = self.now
            if token.text == "!":
                self.step()
                base = Call("!", (base,))
            elif token.kind == "deg":
                self.step()
                base = self.degrees(base)
            elif token.kind == "%":
                self.step()
                base = make_product([base, PERCENT])
            elif token.text == "'" and isinstance(base, Sym):
                self.step()
                base = Sym(base.name + "'")
            elif token.text == "_":
                base = Sym(f"{self._name(base)}_{self.subscript()}")
            else:
                return base
        raise UnreadableAnswer

    def degrees(self, base: Expr) -> Expr:
        """Degrees with their minutes and seconds, `30°15'36"`, or a temperature."""
        if self.now.text in _SCALES:
            return make_product([base, Unit(_SCALES[self.step().text])])
        for part, wanted in ((60, 1), (3600, 2)):
            count, length = self.primes(self.at + 1) if self.now.kind == "num" else (0, 0)
            if count == wanted:
                base = make_sum([base, make_quotient(parse_number(self.now.text), Num(Fraction(part)))])
                for _ in range(length + 1):
                    self.step()
        return make_product([base, DEGREE])

    def primes(self, at: int) -> tuple[int, int]:
        """How many primes stand there, and in how many tokens: `'`, `''`, `"`, `^{\\prime}`."""
        texts = [token.text for token in self.items[at : at + 5]]
        if texts[:2] == ["^", "{"] and "}" in texts:
            return texts.count("'"), texts.index("}") + 1
        raised = texts[:1] == ["^"]
        run = list(takewhile(_PRIMES.__contains__, texts[raised:]))
        return sum(_PRIMES[text] for text in run), len(run) + raised

    @staticmethod
    def _name(base: Expr) -> str:
        if isinstance(base, Sym):
            return base.name
        if isinstance(base, Num):
            return str(base.value)
        raise UnreadableAnswer

    def subscript(self) -> str:
        self.step()
        if self.now.kind != "{":
            return self.step().text
        return "".join(token.text for token in self.group() if token.kind not in "{}")

    def exponent(self) -> Expr:
        negative, _ = self.sign()
        self.deeper()
        base = self.atom()
        # a^b^c is a^(b^c)
        if self.now.text == "^":
            self.step()
            base = make_power(base, self.exponent())
        self.depth -= 1
        return make_negative(base) if negative else base


# The atoms of the grammar: the smallest complete expressions, one method for each, found by the kind of the token.


_NO_ARGUMENT = frozenset(("rel", "sep", "close", "}", "stop", "fn", "unit", "deg"))
_APPLIED = frozenset("fghFG")


class PrimaryGrammar(ExpressionGrammar):
    """Expressions with their atoms."""

    __slots__ = ()

    def argument(self) -> Expr:
        """A LaTeX argument: a group, or one token; `\\frac12` is a half."""
        token = self.now
        if token.kind == "num" and len(token.text) > 1 and token.text.isdigit():
            self.items = [
                *self.items[: self.at],
                Token("num", token.text[0], token.spaced),
                Token("num", token.text[1:], False),
                *self.items[self.at + 1 :],
            ]
            self.now = self.items[self.at]
        return self.atom()

    def atom(self) -> Expr:
        """The smallest complete expression."""
        reader = self._ATOMS.get(self.now.kind)
        if reader is None:
            raise UnreadableAnswer
        self.deeper()
        found = reader(self)
        self.depth -= 1
        return found

    def numeral(self) -> Expr:
        token = self.step()
        value = parse_number(token.text)
        if self.now.kind in ("num", "frac") and token.text.isdigit():
            fraction = parse_mixed_number(self)
            if fraction is not None:
                return Num(value.value + fraction)
        return value

    def constant(self) -> Expr:
        return PI if self.step().text == "pi" else Const("inf")

    def degree(self) -> Expr:
        self.step()
        return DEGREE

    def signed(self) -> Expr:
        """A sign inside a product, as in `2^-1` or `\\frac{-1}{2}`."""
        if self.now.text not in ("+", "-"):
            raise UnreadableAnswer
        negative, _ = self.sign()
        inner = self.factor()
        return make_negative(inner) if negative else inner

    def fraction(self) -> Expr:
        self.step()
        over = self.argument()
        return make_quotient(over, self.argument())

    def binomial(self) -> Expr:
        self.step()
        over = self.argument()
        return Call("binom", (over, self.argument()))

    def product(self) -> Expr:
        """A run of letters: a product of variables, or one name where an index or a prime follows."""
        run = self.step().text
        if self.now.text in ("_", "'"):
            return Sym(run)
        letters: list[Expr] = [Const("e") if letter == "e" else Sym(letter) for letter in run]
        if self.now.text == "^" and not run.isupper():
            # In `ab^2` only b is squared; `AB^2` is the square on the segment AB.
            self.step()
            letters[-1] = make_power(letters[-1], self.exponent())
        return make_product(letters)

    def symbol(self) -> Expr:
        name = self.step().text
        if name == "e" and self.now.text != "_":
            return Const("e")
        if name in _APPLIED and self.now.kind == "open" and not self.now.spaced:
            start, level = self.at, 0
            while True:
                token = self.step()
                level += (token.kind == "open") - (token.kind == "close")
                if token.kind == "stop":
                    raise UnreadableAnswer
                if level == 0:
                    return Sym(name + "".join(part.text for part in self.items[start : self.at]))
        return Sym(name)

    def enclosed(self) -> Expr:
        opening = self.step()
        self.grouped += opening.kind == "{"
        # Mostly a single token is enclosed, as in `x^{2}`.
        inner = self.atom() if self.ahead().kind in ENDS else self.sum()
        self.grouped -= opening.kind == "{"
        if self.now.kind == "infix":
            # TeX's `{n \\choose k}` and `{a \\over b}`
            op = self.step().text
            under = self.sum()
            inner = make_quotient(inner, under) if op == "over" else Call("binom", (inner, under))
        closing = self.step()
        pair = opening.text + closing.text
        if pair not in ("()", "[]", "{}"):
            raise UnreadableAnswer
        return inner

    def root(self) -> Expr:
        degree: Expr = THREE if self.step().kind == "root3" else TWO
        if self.now.kind == "open" and self.now.text == "[":
            self.step()
            degree = self.sum()
            if self.expect("close").text != "]":
                raise UnreadableAnswer
        # Not `argument`: who writes \sqrt12 means the root of 12.
        return Call("root", (self.atom(), degree))

    def function(self) -> Expr:
        name = self.step().text
        if name == "min" and self.now.kind not in ("open", "{") and self.now.text != "_":
            return Unit("min")
        exponent: Expr | None = None
        base: Expr | None = None
        while True:
            if self.now.text == "^":
                self.step()
                exponent = self.exponent()
            elif self.now.text == "_":
                self.step()
                base = self.atom()
            else:
                break
        self.deeper()
        args: list[Expr] = []
        if self.now.kind in ("open", "{"):
            self.step()
            args.append(self.sum())
            while self.now.kind == "sep" and self.now.text == ",":
                self.step()
                args.append(self.sum())
            self.step()
        else:
            minus, _ = self.sign()
            factors = [self.factor()]
            while self.now.kind not in _NO_ARGUMENT and self.implied():
                factors.append(self.factor())
            args.append(make_negative(make_product(factors)) if minus else make_product(factors))
        self.depth -= 1
        return apply_function(name, args, base, exponent)

    def angle(self) -> Expr:
        mark = self.step().text
        token = self.step()
        if token.kind not in ("run", "sym", "num", "word"):
            raise UnreadableAnswer
        name = token.text
        # The angle ABC is the angle CBA; the order of a triangle's vertices does not matter either.
        if token.kind == "run":
            name = min(name, name[::-1]) if mark == "∠" else "".join(sorted(name))
        return Sym(mark + name)

    def unit(self) -> Expr:
        token = self.step()
        degree = 1
        if token.kind == "unitmod":
            degree = 3 if token.text == "cubic" else 2
            if self.now.text == ".":
                self.step()
            token = self.step()
            if token.kind not in ("unit", "letterunit"):
                raise UnreadableAnswer
        return make_power(Unit(token.text), Num(Fraction(degree))) if degree > 1 else Unit(token.text)

    def floor(self) -> Expr:
        """`\\lfloor x \\rfloor` and `\\lceil x \\rceil`, which is minus the floor of minus x"""
        up = self.step().text == "⌈"
        inner = self.sum()
        if self.expect("close").text != ("⌉" if up else "⌋"):
            raise UnreadableAnswer
        return make_negative(make_floor(make_negative(inner))) if up else make_floor(inner)

    def currency(self) -> Expr:
        """`\\$5`, `€ 5` or `5 €`"""
        unit = Unit(self.step().text)
        return make_product([self.factor(), unit]) if self.now.kind == "num" else unit

    def absolute(self) -> Expr:
        self.step()
        self.bars += 1
        inner = self.sum()
        self.bars -= 1
        self.expect("bar")
        return Call("abs", (inner,))

    _ATOMS: ClassVar[dict[str, Callable[[PrimaryGrammar], Expr]]] = {
        "num": numeral,
        "sym": symbol,
        "open": enclosed,
        "{": enclosed,
        "const": constant,
        "frac": fraction,
        "sqrt": root,
        "root3": root,
        "run": product,
        "fn": function,
        "angle": angle,
        "unit": unit,
        "letterunit": unit,
        "unitmod": unit,
        "currency": currency,
        "floor": floor,
        "bar": absolute,
        "binom": binomial,
        "deg": degree,
        "char": signed,
    }
