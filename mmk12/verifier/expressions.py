"""The levels of precedence of the grammar, loosest first: sum, product (written or implied), sign, power, atom.

Recursion is bounded by the cursor and every step consumes a token, so the work is linear in the length of the
answer. The atoms are in `atoms`.
"""

from __future__ import annotations

from mmk12.verifier.cursor import Cursor
from mmk12.verifier.lexer import Unreadable
from mmk12.verifier.values import Call, Const, Expr, Num, Sym, add, div, mul, neg, power
from mmk12.verifier.words import names

MAX_DIVISIONS = 30
MAX_POSTFIXES = 4

_FACTORS = names("sym run const fn open { frac sqrt root3 angle binom letterunit deg % unit unitmod")
_SIGNS = names("+ - pm mp")
_POSTFIXES = frozenset("!°%'_")
ENDS = names("} close rel sep stop")
"""Before these every term ends."""


class Expressions(Cursor):
    """One method for each level of precedence."""

    __slots__ = ()

    def atom(self) -> Expr:
        """The smallest complete expression."""
        raise NotImplementedError

    def sum(self) -> Expr:
        """term ((+ | - | ±) term)*"""
        self.deeper()
        terms = [self.term()]
        while self.now.text in _SIGNS and self.now.kind == "char":
            sign = self.now.text
            if sign in ("pm", "mp"):
                self.step()
                terms.append(Call(sign, (self.term(),)))
            elif self._next_number():
                break
            else:
                self.step()
                term = self.term()
                terms.append(neg(term) if sign == "-" else term)
        self.depth -= 1
        return add(terms) if len(terms) > 1 else terms[0]

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
        while self.now.text in _SIGNS and self.now.kind == "char":
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
        product = mul(factors) if len(factors) > 1 else factors[0]
        if double:
            product = Call(double, (product,))
        return neg(product) if negative else product

    def implied(self) -> bool:
        """Whether the next token multiplies what stands before it. A number after a space is another answer."""
        kind = self.now.kind
        if kind == "num":
            return not self.now.spaced and self.items[self.at - 1].kind != "num"
        if kind == "bar":
            return self.bars == 0 and any(token.kind == "bar" for token in self.items[self.at + 1 :])
        return kind in _FACTORS

    def factor(self) -> Expr:
        """atom postfix* (^ exponent)?"""
        base = self.atom()
        if self.now.text in _POSTFIXES:
            base = self.postfix(base)
        if self.now.text == "^":
            self.step()
            if self.now.text == "'":
                raise Unreadable
            base = self.postfix(power(base, self.exponent()))
        return base

    def postfix(self, base: Expr) -> Expr:
        for _ in range(MAX_POSTFIXES):
            token = self.now
            if token.text == "!":
                self.step()
                base = Call("!", (base,))
            elif token.kind == "deg":
                self.step()
                base = mul([base, Const("°")])
            elif token.kind == "%":
                self.step()
                base = mul([base, Const("%")])
            elif token.text == "'" and isinstance(base, Sym):
                self.step()
                base = Sym(base.name + "'")
            elif token.text == "_":
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
        if self.now.text == "^":
            self.step()
            base = power(base, self.exponent())
        self.depth -= 1
        return neg(base) if negative else base
