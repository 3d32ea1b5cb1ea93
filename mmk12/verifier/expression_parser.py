r"""Parses mathematical expressions: a recursive-descent parser from tokens to the nodes of `nodes.py`.

The grammar, loosest binding first. `name` and `number` are tokens of the lexer, `{ x }` is any number of x, `[ x ]` an
optional x, and quoted braces are those of LaTeX:

    sum        = term { ( "+" | "-" | "±" | "∓" ) term }
    term       = signs factor { [ "*" | "/" ] signs factor }           no signs where the operator is left out
    signs      = { "+" | "-" } [ "±" | "∓" ]
    factor     = primary postfix [ "^" exponent [ "_" subscript ] postfix ]
    postfix    = { "!" | "°" [ minutes ] [ seconds ] | "%" | "'" | "_" subscript }
    exponent   = signs primary [ "^" exponent ]
    primary    = number [ proper fraction ] | constant | "°" | name | letters | enclosed | fraction | binomial | root
               | function | angle | unit | money | floor | absolute | signs factor
    enclosed   = "(" sum ")" | "[" sum "]" | "{" sum [ ( "\choose" | "\over" ) sum ] "}"
    fraction   = "\frac" argument argument
    binomial   = "\binom" argument argument
    argument   = primary                                               of `\frac12`, one digit
    root       = ( "\sqrt" | "cbrt" ) [ "[" sum "]" ] primary
    function   = name { "^" exponent | "_" primary } ( "(" sum { "," sum } ")" | signs factor { factor } )
    angle      = ( "∠" | "△" ) name
    unit       = [ "square" | "cubic" ] unit name
    money      = currency sign [ factor ]
    floor      = "⌊" sum "⌋" | "⌈" sum "⌉"
    absolute   = "|" sum "|"

Every rule consumes at least one token and the nesting is bounded (`token_cursor.MAX_DEPTH`), so the number of steps is
linear in the length of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar

from mmk12.verifier.lexer import Token, UnreadableAnswer
from mmk12.verifier.nodes import (
    DEGREE,
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
from mmk12.verifier.numerals import make_combinatorial, make_floor, make_function, parse_number
from mmk12.verifier.token_cursor import TokenCursor
from mmk12.verifier.vocabulary import split_names

MAX_DIVISIONS = 30
"""Divisions in one term."""
MAX_POSTFIXES = 4
"""Postfixes in a row."""

_SIGNS = split_names("+ - pm mp")
_TERM_ENDS = split_names("} close rel sep stop infix")
"""Kinds of tokens before which every term ends."""
_FACTOR_STARTS = split_names(
    "sym run const fn open { frac sqrt root3 angle binom letterunit deg % unit unitmod currency floor"
)
"""Kinds of tokens that multiply what stands before them; numbers and bars need a closer look."""
_POSTFIXES = frozenset("!°%'_")
_TEMPERATURES = {"C": "℃", "F": "℉"}
_ARGUMENT_ENDS = frozenset(("rel", "sep", "close", "}", "stop", "fn", "unit", "deg"))
"""Kinds of tokens before which the argument of a function without brackets ends."""
_CALLABLE = frozenset("fghFG")
"""Letters that name a function where a bracket follows, as in `f(x)`."""


class ExpressionParser(TokenCursor):
    """One method for each rule of the grammar.

    Methods raise `UnreadableAnswer` where the tokens do not fit the rule. A sign such as `^` is recognized by its text
    alone: no token of another kind has it.
    """

    __slots__ = ()

    # Sums, terms and factors

    def parse_sum(self) -> Expr:
        """Parses terms joined by signs."""
        self.descend()
        terms = [self.parse_term()]
        while self.current.kind == "char" and self.current.text in _SIGNS:
            sign = self.current.text
            if sign in ("pm", "mp"):
                self.advance()
                terms.append(Call(sign, (self.parse_term(),)))
            elif self._starts_next_number():
                break
            else:
                self.advance()
                term = self.parse_term()
                terms.append(make_negative(term) if sign == "-" else term)
        self.depth -= 1
        return make_sum(terms) if len(terms) > 1 else terms[0]

    def _starts_next_number(self) -> bool:
        """Whether the sign belongs to another answer: in `1 1 -1`, only numbers and the sign glued to its number."""
        return self.current.spaced and not self.peek().spaced and self.has_only_spaced_numbers()

    def parse_term(self) -> Expr:
        """Parses factors, multiplied or divided."""
        negative, plus_minus = self.parse_signs() if self.current.kind == "char" else (False, "")
        factors = [self.parse_factor()]
        divisions = 0
        while self.current.kind not in _TERM_ENDS:
            operator = self.current.text
            if operator == "*" or operator == "/":
                self.advance()
                minus, _ = self.parse_signs()
                factor = self.parse_factor()
                factor = make_negative(factor) if minus else factor
                if operator == "/":
                    divisions += 1
                    if divisions > MAX_DIVISIONS:
                        raise UnreadableAnswer
                    factors = [make_quotient(make_product(factors), factor)]
                else:
                    factors.append(factor)
            elif self._multiplies():
                factors.append(self.parse_factor())
            else:
                break
        product = make_product(factors) if len(factors) > 1 else factors[0]
        if plus_minus:
            product = Call(plus_minus, (product,))
        return make_negative(product) if negative else product

    def parse_signs(self) -> tuple[bool, str]:
        """Parses leading signs: whether they negate, and `pm` or `mp` if the last one is."""
        negative = False
        while self.current.kind == "char" and self.current.text in _SIGNS:
            sign = self.advance().text
            if sign in ("pm", "mp"):
                return negative, sign
            negative ^= sign == "-"
        return negative, ""

    def _multiplies(self) -> bool:
        """Whether the current token multiplies what stands before it, without a sign.

        A number after a space is another answer, except in a LaTeX group: `{2^3 5^2}`.
        """
        kind = self.current.kind
        if kind == "num":
            return (not self.current.spaced or self.open_groups > 0) and self.tokens[self.position - 1].kind != "num"
        if kind == "bar":
            return self.open_bars == 0 and any(token.kind == "bar" for token in self.tokens[self.position + 1 :])
        return kind in _FACTOR_STARTS

    def parse_factor(self) -> Expr:
        """Parses a primary with its postfixes and its power."""
        base = self.parse_primary()
        if self.current.text in _POSTFIXES:
            base = self.parse_postfix(base)
        if self.current.text == "^":
            primes, length = self.count_primes(self.position) if self.peek().text in "'{" else (0, 0)
            if primes and isinstance(base, Sym):
                # x^{\prime}
                for _ in range(length):
                    self.advance()
                return Sym(base.name + "'" * primes)
            self.advance()
            if self.current.text == "'":
                raise UnreadableAnswer
            exponent = self.parse_exponent()
            if self.current.text == "_" and isinstance(base, Sym):
                # v^2_0 is v_0^2
                base = Sym(f"{base.name}_{self.parse_subscript()}")
            base = self.parse_postfix(make_combinatorial(base, exponent) or make_power(base, exponent))
        return base

    def parse_postfix(self, base: Expr) -> Expr:
        """Parses factorials, marks, primes and indexes behind `base`."""
        for _ in range(MAX_POSTFIXES):
            token = self.current
            if token.text == "!":
                self.advance()
                base = Call("!", (base,))
            elif token.kind == "deg":
                self.advance()
                base = self.parse_degrees(base)
            elif token.kind == "%":
                self.advance()
                base = make_product([base, PERCENT])
            elif token.text == "'" and isinstance(base, Sym):
                self.advance()
                base = Sym(base.name + "'")
            elif token.text == "_":
                base = Sym(f"{_indexed_name(base)}_{self.parse_subscript()}")
            else:
                return base
        raise UnreadableAnswer

    def parse_degrees(self, base: Expr) -> Expr:
        """Parses what follows a degree sign: minutes and seconds (`30°15'36"`), or the scale of a temperature."""
        if self.current.text in _TEMPERATURES:
            return make_product([base, Unit(_TEMPERATURES[self.advance().text])])
        for fraction_of_degree, expected_primes in ((60, 1), (3600, 2)):
            primes, length = self.count_primes(self.position + 1) if self.current.kind == "num" else (0, 0)
            if primes == expected_primes:
                part = make_quotient(parse_number(self.current.text), Num(Fraction(fraction_of_degree)))
                base = make_sum([base, part])
                for _ in range(length + 1):
                    self.advance()
        return make_product([base, DEGREE])

    def parse_subscript(self) -> str:
        """Parses `_` and the index behind it, which stays text."""
        self.advance()
        if self.current.kind != "{":
            return self.advance().text
        return "".join(token.text for token in self.read_group() if token.kind not in "{}")

    def parse_exponent(self) -> Expr:
        """Parses what stands behind `^`; a^b^c is a^(b^c)."""
        negative, _ = self.parse_signs()
        self.descend()
        exponent = self.parse_primary()
        if self.current.text == "^":
            self.advance()
            exponent = make_power(exponent, self.parse_exponent())
        self.depth -= 1
        return make_negative(exponent) if negative else exponent

    # Primaries: the smallest complete expressions

    def parse_primary(self) -> Expr:
        """Parses the primary that the kind of the current token announces."""
        rule = self._PRIMARIES.get(self.current.kind)
        if rule is None:
            raise UnreadableAnswer
        self.descend()
        expr = rule(self)
        self.depth -= 1
        return expr

    def parse_numeral(self) -> Expr:
        """Parses a number or a mixed number such as `1 1/2`."""
        token = self.advance()
        number = parse_number(token.text)
        if self.current.kind in ("num", "frac") and token.text.isdigit():
            fraction = self._parse_proper_fraction()
            if fraction is not None:
                return Num(number.value + fraction)
        return number

    def _parse_proper_fraction(self) -> Fraction | None:
        """Parses the fraction of a mixed number (`1/2`, `\\frac{1}{3}`, `\\frac12`), if one comes next."""
        following = [self.peek(i) for i in range(7)]
        texts = [token.text if token.kind == "num" else token.kind for token in following]
        if self.current.kind == "num" and self.current.spaced and following[1].text == "/":
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
            self.advance()
        return Fraction(int(over), int(under))

    def parse_constant(self) -> Expr:
        """Parses π or ∞."""
        return PI if self.advance().text == "pi" else Const("inf")

    def parse_degree_sign(self) -> Expr:
        """Parses a degree sign that stands alone."""
        self.advance()
        return DEGREE

    def parse_symbol(self) -> Expr:
        """Parses a variable, the constant e, or the value of a function: `f(x)` is one name."""
        name = self.advance().text
        if name == "e" and self.current.text != "_":
            return Const("e")
        if name in _CALLABLE and self.current.kind == "open" and not self.current.spaced:
            start, level = self.position, 0
            while True:
                token = self.advance()
                level += (token.kind == "open") - (token.kind == "close")
                if token.kind == "stop":
                    raise UnreadableAnswer
                if level == 0:
                    return Sym(name + _write_argument(self.tokens[start : self.position]))
        return Sym(name)

    def parse_letters(self) -> Expr:
        """Parses a run of letters: a product of variables, or one name where an index or a prime follows."""
        run = self.advance().text
        if self.current.text in ("_", "'"):
            return Sym(run)
        letters: list[Expr] = [Const("e") if letter == "e" else Sym(letter) for letter in run]
        if self.current.text == "^" and not run.isupper():
            # In `ab^2` only b is squared; `AB^2` is the square on the segment AB.
            self.advance()
            letters[-1] = make_power(letters[-1], self.parse_exponent())
        return make_product(letters)

    def parse_enclosed(self) -> Expr:
        """Parses a sum in brackets or in a LaTeX group, also TeX's `{n \\choose k}` and `{a \\over b}`."""
        opening = self.advance()
        self.open_groups += opening.kind == "{"
        # Mostly a single token is enclosed, as in `x^{2}`.
        inner = self.parse_primary() if self.peek().kind in _TERM_ENDS else self.parse_sum()
        self.open_groups -= opening.kind == "{"
        if self.current.kind == "infix":
            operator = self.advance().text
            under = self.parse_sum()
            inner = make_quotient(inner, under) if operator == "over" else Call("binom", (inner, under))
        closing = self.advance()
        if opening.text + closing.text not in ("()", "[]", "{}"):
            raise UnreadableAnswer
        return inner

    def parse_fraction(self) -> Expr:
        """Parses `\\frac` and its arguments."""
        self.advance()
        over = self.parse_argument()
        return make_quotient(over, self.parse_argument())

    def parse_binomial(self) -> Expr:
        """Parses `\\binom` and its arguments."""
        self.advance()
        over = self.parse_argument()
        return Call("binom", (over, self.parse_argument()))

    def parse_argument(self) -> Expr:
        """Parses an argument of a LaTeX command: a group, or one token; `\\frac12` is a half."""
        self.split_numeral()
        return self.parse_primary()

    def parse_root(self) -> Expr:
        """Parses a root; unlike `\\frac12`, `\\sqrt12` means the root of 12."""
        degree: Expr = THREE if self.advance().kind == "root3" else TWO
        if self.current.kind == "open" and self.current.text == "[":
            self.advance()
            degree = self.parse_sum()
            if self.expect("close").text != "]":
                raise UnreadableAnswer
        return Call("root", (self.parse_primary(), degree))

    def parse_function(self) -> Expr:
        """Parses a named function with its index and exponent and its arguments."""
        name = self.advance().text
        if name == "min" and self.current.kind not in ("open", "{") and self.current.text != "_":
            return Unit("min")
        exponent: Expr | None = None
        index: Expr | None = None
        while True:
            if self.current.text == "^":
                self.advance()
                exponent = self.parse_exponent()
            elif self.current.text == "_":
                self.advance()
                index = self.parse_primary()
            else:
                break
        self.descend()
        args: list[Expr] = []
        if self.current.kind in ("open", "{"):
            self.advance()
            args.append(self.parse_sum())
            while self.current.kind == "sep" and self.current.text == ",":
                self.advance()
                args.append(self.parse_sum())
            self.advance()
        else:
            minus, _ = self.parse_signs()
            factors = [self.parse_factor()]
            while self.current.kind not in _ARGUMENT_ENDS and self._multiplies():
                factors.append(self.parse_factor())
            args.append(make_negative(make_product(factors)) if minus else make_product(factors))
        self.depth -= 1
        return make_function(name, args, index, exponent)

    def parse_angle(self) -> Expr:
        """Parses `∠ABC` or `△ABC`: one name, which does not depend on the order in which it is written.

        The angle ABC is the angle CBA; the vertices of a triangle come in any order. A vector has a direction: BA is
        -AB. A bar over a letter is a part of its name.
        """
        mark = self.advance().text
        token = self.advance()
        if token.kind not in ("run", "sym", "num", "word"):
            raise UnreadableAnswer
        name = token.text
        if mark == "→" and name > name[::-1]:
            return make_negative(Sym(mark + name[::-1]))
        if token.kind == "run" and mark in "∠△":
            name = min(name, name[::-1]) if mark == "∠" else "".join(sorted(name))
        return Sym(mark + name)

    def parse_unit(self) -> Expr:
        """Parses a unit, perhaps `square` or `cubic`."""
        token = self.advance()
        degree = 1
        if token.kind == "unitmod":
            degree = 3 if token.text == "cubic" else 2
            if self.current.text == ".":
                self.advance()
            token = self.advance()
            if token.kind not in ("unit", "letterunit"):
                raise UnreadableAnswer
        return make_power(Unit(token.text), Num(Fraction(degree))) if degree > 1 else Unit(token.text)

    def parse_money(self) -> Expr:
        """Parses an amount behind a currency sign (`\\$5`, `€ 5`), or the sign alone, as in `5 €`."""
        unit = Unit(self.advance().text)
        return make_product([self.parse_factor(), unit]) if self.current.kind == "num" else unit

    def parse_floor(self) -> Expr:
        """Parses `\\lfloor x \\rfloor` or `\\lceil x \\rceil`, which is minus the floor of minus x."""
        up = self.advance().text == "⌈"
        inner = self.parse_sum()
        if self.expect("close").text != ("⌉" if up else "⌋"):
            raise UnreadableAnswer
        return make_negative(make_floor(make_negative(inner))) if up else make_floor(inner)

    def parse_absolute(self) -> Expr:
        """Parses `|x|`."""
        self.advance()
        self.open_bars += 1
        inner = self.parse_sum()
        self.open_bars -= 1
        self.expect("bar")
        return Call("abs", (inner,))

    def parse_signed(self) -> Expr:
        """Parses a sign inside a product, as in `2^-1` or `\\frac{-1}{2}`."""
        if self.current.text not in ("+", "-"):
            raise UnreadableAnswer
        negative, _ = self.parse_signs()
        inner = self.parse_factor()
        return make_negative(inner) if negative else inner

    _PRIMARIES: ClassVar[dict[str, Callable[[ExpressionParser], Expr]]] = {
        "num": parse_numeral,
        "const": parse_constant,
        "deg": parse_degree_sign,
        "sym": parse_symbol,
        "run": parse_letters,
        "open": parse_enclosed,
        "{": parse_enclosed,
        "frac": parse_fraction,
        "binom": parse_binomial,
        "sqrt": parse_root,
        "root3": parse_root,
        "fn": parse_function,
        "angle": parse_angle,
        "unit": parse_unit,
        "letterunit": parse_unit,
        "unitmod": parse_unit,
        "currency": parse_money,
        "floor": parse_floor,
        "bar": parse_absolute,
        "char": parse_signed,
    }
    """The rule for each kind of token that can begin a primary."""


def _write_argument(tokens: list[Token]) -> str:
    """Returns the argument of a named function as text, a number by its value: `f(1/2)` is `f(0.5)`."""
    parser = ExpressionParser(tokens[1:-1])
    try:
        value = parser.parse_sum()
    except UnreadableAnswer:
        value = None
    if isinstance(value, Num) and parser.current.kind == "stop":
        return f"({value.value})"
    return "".join(part.text for part in tokens)


def _indexed_name(base: Expr) -> str:
    """Returns the name to which an index is added; a number may bear one, as in `101_2`."""
    if isinstance(base, Sym):
        return base.name
    if isinstance(base, Num):
        return str(base.value)
    raise UnreadableAnswer
