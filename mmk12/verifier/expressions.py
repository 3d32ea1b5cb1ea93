"""The levels of precedence of the grammar, loosest first: sum, product (written or implied), sign, power, atom.

Recursion is bounded by the cursor and every step consumes a token, so the work is linear in the length of the
answer. The atoms are in `atoms`.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import takewhile

from mmk12.verifier.cursor import Cursor
from mmk12.verifier.functions import counted
from mmk12.verifier.lexer import Unreadable
from mmk12.verifier.numerals import number
from mmk12.verifier.values import DEGREE, PERCENT, Call, Expr, Num, Sym, Unit, add, div, mul, neg, power
from mmk12.verifier.words import names

MAX_DIVISIONS = 30
MAX_POSTFIXES = 4

_FACTORS = names("sym run const fn open { frac sqrt root3 angle binom letterunit deg % unit unitmod currency floor")
_SIGNS = names("+ - pm mp")
_POSTFIXES = frozenset("!°%'_")
_SCALES = {"C": "℃", "F": "℉"}
_PRIMES = {"'": 1, '"': 2}
ENDS = names("} close rel sep stop infix")
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
                raise Unreadable
            exponent = self.exponent()
            if self.now.text == "_" and isinstance(base, Sym):
                # v^2_0 is v_0^2
                base = Sym(f"{base.name}_{self.subscript()}")
            base = self.postfix(counted(base, exponent) or power(base, exponent))
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
                base = mul([base, PERCENT])
            elif token.text == "'" and isinstance(base, Sym):
                self.step()
                base = Sym(base.name + "'")
            elif token.text == "_":
                base = Sym(f"{self._name(base)}_{self.subscript()}")
            else:
                return base
        raise Unreadable

    def degrees(self, base: Expr) -> Expr:
        """Degrees with their minutes and seconds, `30°15'36"`, or a temperature."""
        if self.now.text in _SCALES:
            return mul([base, Unit(_SCALES[self.step().text])])
        for part, wanted in ((60, 1), (3600, 2)):
            count, length = self.primes(self.at + 1) if self.now.kind == "num" else (0, 0)
            if count == wanted:
                base = add([base, div(number(self.now.text), Num(Fraction(part)))])
                for _ in range(length + 1):
                    self.step()
        return mul([base, DEGREE])

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
