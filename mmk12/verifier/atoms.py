"""The atoms of the grammar: the smallest complete expressions, one method for each, found by the kind of the token."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar

from mmk12.verifier.expressions import ENDS, Expressions
from mmk12.verifier.functions import applied, floor
from mmk12.verifier.lexemes import Token
from mmk12.verifier.lexer import Unreadable
from mmk12.verifier.numerals import mixed, number
from mmk12.verifier.values import DEGREE, PI, THREE, TWO, Call, Const, Expr, Num, Sym, Unit, div, mul, neg, power

_NO_ARGUMENT = frozenset(("rel", "sep", "close", "}", "stop", "fn", "unit", "deg"))
_APPLIED = frozenset("fghFG")


class Atoms(Expressions):
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
            raise Unreadable
        self.deeper()
        found = reader(self)
        self.depth -= 1
        return found

    def numeral(self) -> Expr:
        token = self.step()
        value = number(token.text)
        if self.now.kind in ("num", "frac") and token.text.isdigit():
            fraction = mixed(self)
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
            raise Unreadable
        negative, _ = self.sign()
        inner = self.factor()
        return neg(inner) if negative else inner

    def fraction(self) -> Expr:
        self.step()
        over = self.argument()
        return div(over, self.argument())

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
            letters[-1] = power(letters[-1], self.exponent())
        return mul(letters)

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
                    raise Unreadable
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
            inner = div(inner, under) if op == "over" else Call("binom", (inner, under))
        closing = self.step()
        pair = opening.text + closing.text
        if pair not in ("()", "[]", "{}"):
            raise Unreadable
        return inner

    def root(self) -> Expr:
        degree: Expr = THREE if self.step().kind == "root3" else TWO
        if self.now.kind == "open" and self.now.text == "[":
            self.step()
            degree = self.sum()
            if self.expect("close").text != "]":
                raise Unreadable
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
            args.append(neg(mul(factors)) if minus else mul(factors))
        self.depth -= 1
        return applied(name, args, base, exponent)

    def angle(self) -> Expr:
        mark = self.step().text
        token = self.step()
        if token.kind not in ("run", "sym", "num", "word"):
            raise Unreadable
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
                raise Unreadable
        return power(Unit(token.text), Num(Fraction(degree))) if degree > 1 else Unit(token.text)

    def floor(self) -> Expr:
        """`\\lfloor x \\rfloor` and `\\lceil x \\rceil`, which is minus the floor of minus x"""
        up = self.step().text == "⌈"
        inner = self.sum()
        if self.expect("close").text != ("⌉" if up else "⌋"):
            raise Unreadable
        return neg(floor(neg(inner))) if up else floor(inner)

    def currency(self) -> Expr:
        """`\\$5`, `€ 5` or `5 €`"""
        unit = Unit(self.step().text)
        return mul([self.factor(), unit]) if self.now.kind == "num" else unit

    def absolute(self) -> Expr:
        self.step()
        self.bars += 1
        inner = self.sum()
        self.bars -= 1
        self.expect("bar")
        return Call("abs", (inner,))

    _ATOMS: ClassVar[dict[str, Callable[[Atoms], Expr]]] = {
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
