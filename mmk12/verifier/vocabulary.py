"""The closed vocabulary of answers: which runs of letters and which commands mean what.

`AB` is a product (or a segment), `rhombus` is a word: a run of letters is one of the things listed here, or a
short product of variables, or a word. A word is never read as a product, so anagrams cannot be equal.
"""

from __future__ import annotations

from types import MappingProxyType


def split_names(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


FUNCTIONS = split_names(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot ln log lg exp min max gcd lcm"
)

GREEK = split_names(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega hbar ell odot"
)

_SIGNS = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi ρ rho "
    "σ sigma τ tau υ upsilon φ varphi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Σ Sigma "
    "Υ Upsilon Φ Phi Ψ Psi Ω Omega ϕ phi ϑ vartheta ϵ varepsilon"
)
GREEK_LETTERS = MappingProxyType(dict(zip(_SIGNS.split()[::2], _SIGNS.split()[1::2], strict=True)))

WORDS = MappingProxyType(
    {
        "and": ("sep", ","),
        "or": ("sep", "or"),
        "和": ("sep", ","),
        "与": ("sep", ","),
        "或": ("sep", "or"),
        "且": ("sep", ","),
        "pi": ("const", "pi"),
        "inf": ("const", "inf"),
        "infinity": ("const", "inf"),
        "sqrt": ("sqrt", "√"),
        "cbrt": ("root3", "∛"),
        "degree": ("deg", "°"),
        "degrees": ("deg", "°"),
        "deg": ("deg", "°"),
        "textdegree": ("deg", "°"),
        "度": ("deg", "°"),
        "percent": ("%", "%"),
        "percentage": ("%", "%"),
        "pct": ("%", "%"),
    }
)

PLAIN_WORDS = split_names(
    "is it the of in to no yes not if so be by at as on we he for are was has all any per can one two six ten but "
    "nor set day its may see use via too she her his our you how who why did had do go my me am us oh ok key low "
    "big new old odd red up out off own let get got put say way end few lot sum top"
)
"""Short English words; without this list `is` would be i times s."""

RELATIONS = MappingProxyType(
    {
        "=": "=",
        "<": "<",
        ">": ">",
        "≤": "≤",
        "≥": "≥",
        "≠": "≠",
        "≈": "≈",
        "≡": "≡",
        "∈": "∈",
        "∥": "∥",
        "⊥": "⊥",
        "≅": "≅",
        "≌": "≅",
        "∼": "∼",
        "∽": "∼",
        "→": "→",
        "lt": "<",
        "gt": ">",
        "le": "≤",
        "leq": "≤",
        "leqslant": "≤",
        "leqq": "≤",
        "ge": "≥",
        "geq": "≥",
        "geqslant": "≥",
        "geqq": "≥",
        "ne": "≠",
        "neq": "≠",
        "approx": "≈",
        "approxeq": "≈",
        "simeq": "≈",
        "doteq": "≈",
        "equiv": "≡",
        "in": "∈",
        "parallel": "∥",
        "perp": "⊥",
        "bot": "⊥",
        "cong": "≅",
        "sim": "∼",
        "backsim": "∼",
        "to": "→",
        "rightarrow": "→",
    }
)

CONTENT_COMMANDS = split_names(
    "text textbf textit textrm texttt textnormal textsf mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak "
    "boldsymbol bm pmb mbox hbox operatorname rm bf it emph underline overline vec overrightarrow widehat hat tilde "
    "widetilde bar number num unit quantity qty SI si ce boxed fbox displaystyle textstyle mathop overset"
)
"""Commands that only dress their content; the content is read in place."""

TEXT_COMMANDS = split_names("text textbf textit textrm textnormal mathrm mbox hbox operatorname rm unit")
"""…and of those, the ones in which one letter may be a unit and letters form words."""

HIDDEN_COMMANDS = split_names("phantom hphantom vphantom hspace vspace label tag color textcolor ref cite")
"""Commands whose content is not part of what is read."""

OPERATORS = MappingProxyType(
    {
        "times": "*",
        "cdot": "*",
        "ast": "*",
        "bullet": "*",
        "div": "/",
        "pm": "pm",
        "mp": "mp",
    }
)
