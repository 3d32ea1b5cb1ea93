"""The arithmetic half of the grammar: tokens to expressions.

Precedence, loosest first: sum, product (written or implied), sign, power, atom. Recursion is bounded by the
cursor and every step consumes a token, so the work is linear in the length of the answer.
"""

from __future__ import annotations

from fractions import Fraction

from mmk12.verifier.cursor import Cursor
from mmk12.verifier.functions import applied
from mmk12.verifier.lexer import Token, Unreadable
from mmk12.verifier.numerals import mixed, number
from mmk12.verifier.values import Call, Const, Expr, Num, Sym, Unit, add, div, mul, neg, power
from mmk12.verifier.words import names

MAX_DIVISIONS = 30
MAX_POSTFIXES = 4

_STARTS = names("sym run const fn open { frac sqrt root3 angle binom letterunit")
_NO_ARGUMENT = frozenset(("rel", "sep", "close", "}", "stop", "fn", "unit", "deg"))
_APPLIED = frozenset("fghFG")


class Expressions(Cursor):
    """One method for each level of precedence."""

    __slots__ = ()

    def sum(self) -> Expr:
        """term ((+ | - | ±) term)*"""
        self.deeper()
        terms = [self.term()]
        while self.now.kind == "char":
            sign = self.now.text
            if sign in "+-" and not self._next_number():
                self.step()
                term = self.term()
                terms.append(neg(term) if sign == "-" else term)
            elif sign in ("pm", "mp"):
                self.step()
                terms.append(Call(sign, (self.term(),)))
            else:
                break
        self.depth -= 1
        return add(terms)

    def _next_number(self) -> bool:
        """Whether a sign belongs to the next blank: `1 1 -1`, numbers only and the sign glued to its number."""
        return self.now.spaced and not self.ahead().spaced and self.spaced_numbers()

    def spaced_numbers(self) -> bool:
        """Whether there are only signed numbers here, two of them set apart by nothing but space."""
        if self.blanks is None:
            self.blanks = all(
                token.kind == "num" or (token.kind == "char" and token.text in "+-") for token in self.items
            ) and any(a.kind == b.kind == "num" for a, b in zip(self.items, self.items[1:], strict=False))
        return self.blanks

    def sign(self) -> tuple[bool, str]:
        """Leading signs: whether they negate, and `pm`/`mp` if the last one is."""
        negative = False
        while self.now.kind == "char" and self.now.text in ("+", "-", "pm", "mp"):
            text = self.step().text
            if text in ("pm", "mp"):
                return negative, text
            negative ^= text == "-"
        return negative, ""

    def term(self) -> Expr:
        """sign? factor ((* | / | nothing) factor)*"""
        negative, double = self.sign()
        factors = [self.factor()]
        divisions = 0
        while True:
            kind, text = self.now.kind, self.now.text
            if kind == "char" and text in "*/":
                self.step()
                minus, _ = self.sign()
                factor = self.factor()
                factor = neg(factor) if minus else factor
                if text == "/":
                    divisions += 1
                    if divisions > MAX_DIVISIONS:
                        raise Unreadable
                    factors = [div(mul(factors), factor)]
                else:
                    factors.append(factor)
            elif self.implied():
                factors.append(self.factor())
            else:
                break
        product = mul(factors)
        if double:
            product = Call(double, (product,))
        return neg(product) if negative else product

    def implied(self) -> bool:
        """Whether the next token multiplies what stands before it. A number after a space is another answer."""
        kind = self.now.kind
        if kind == "num":
            return not self.now.spaced and self.items[self.at - 1].kind != "num"
        if kind == "bar":
            return self.bars == 0 and self.at < self.last_bar
        return kind in _STARTS or kind in ("deg", "%", "unit", "unitmod")

    def factor(self) -> Expr:
        """atom postfix* (^ exponent)?"""
        base = self.postfix(self.atom())
        if self.is_char("^"):
            self.step()
            if self.is_char("'"):
                raise Unreadable
            base = self.postfix(power(base, self.exponent()))
        return base

    def postfix(self, base: Expr) -> Expr:
        for _ in range(MAX_POSTFIXES):
            if self.is_char("!"):
                self.step()
                base = Call("!", (base,))
            elif self.now.kind == "deg":
                self.step()
                base = mul([base, Const("°")])
            elif self.now.kind == "%":
                self.step()
                base = mul([base, Const("%")])
            elif self.is_char("'") and isinstance(base, Sym):
                self.step()
                base = Sym(base.name + "'")
            elif self.is_char("_"):
                base = Sym(f"{self._name(base)}_{self.subscript()}")
            else:
                return base
        raise Unreadable

    @staticmethod
    def _name(base: Expr) -> str:
        if isinstance(base, Sym):
            return base.name
        if isinstance(base, Num):
            return str(base.value)
        raise Unreadable

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
        if self.is_char("^"):
            self.step()
            base = power(base, self.exponent())
        self.depth -= 1
        return neg(base) if negative else base

    def argument(self) -> Expr:
        """A LaTeX argument: a group, or one token; `\\frac12` is a half."""
        token = self.now
        if token.kind == "num" and len(token.text) > 1 and token.text.isdigit():
            self.items = [
                *self.items[: self.at],
                Token("num", token.text[0], token.spaced, token.prose),
                Token("num", token.text[1:], False, token.prose),
                *self.items[self.at + 1 :],
            ]
            self.now = self.items[self.at]
        return self.atom()

    def atom(self) -> Expr:
        """The smallest complete expression."""
        self.deeper()
        found = self._atom()
        self.depth -= 1
        return found

    def _atom(self) -> Expr:
        token = self.now
        kind = token.kind
        if kind == "num":
            return self.numeral()
        if kind == "sym":
            return self.symbol()
        if kind == "open" or kind == "{":
            return self.enclosed()
        if kind == "const":
            self.step()
            return Const("pi") if token.text == "pi" else Const("inf")
        if kind == "frac":
            self.step()
            over = self.argument()
            return div(over, self.argument())
        if kind in ("sqrt", "root3"):
            return self.root()
        if kind == "run":
            self.step()
            if self.is_char("_") or self.is_char("'"):
                return Sym(token.text)
            return mul([Const("e") if letter == "e" else Sym(letter) for letter in token.text])
        if kind == "fn":
            return self.function()
        if kind == "angle":
            return self.angle()
        if kind in ("unit", "letterunit", "unitmod"):
            return self.unit()
        if kind == "bar":
            return self.absolute()
        if kind == "binom":
            self.step()
            over = self.argument()
            return Call("binom", (over, self.argument()))
        if kind == "deg":
            self.step()
            return Const("°")
        if kind == "char" and token.text in "+-":
            negative, _ = self.sign()
            inner = self.factor()
            return neg(inner) if negative else inner
        raise Unreadable

    def numeral(self) -> Expr:
        token = self.step()
        value = number(token.text)
        if token.text.isdigit():
            fraction = mixed(self)
            if fraction is not None:
                return Num(value.value + fraction)
        return value

    def symbol(self) -> Expr:
        name = self.step().text
        if name == "e" and not self.is_char("_"):
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
        inner = self.sum()
        closing = self.step()
        pair = opening.text + closing.text
        if pair not in ("()", "[]", "{}"):
            raise Unreadable
        return inner

    def root(self) -> Expr:
        degree: Expr = Num(Fraction(3)) if self.step().kind == "root3" else Num(Fraction(2))
        if self.now.kind == "open" and self.now.text == "[":
            self.step()
            degree = self.sum()
            if self.expect("close").text != "]":
                raise Unreadable
        # Not `argument`: who writes \sqrt12 means the root of 12.
        return Call("root", (self.atom(), degree))

    def function(self) -> Expr:
        name = self.step().text
        exponent: Expr | None = None
        base: Expr | None = None
        while True:
            if self.is_char("^"):
                self.step()
                exponent = self.exponent()
            elif self.is_char("_"):
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
            token = self.step()
            if token.kind not in ("unit", "letterunit"):
                raise Unreadable
        return power(Unit(token.text), Num(Fraction(degree))) if degree > 1 else Unit(token.text)

    def absolute(self) -> Expr:
        self.step()
        self.bars += 1
        inner = self.sum()
        self.bars -= 1
        self.expect("bar")
        return Call("abs", (inner,))
