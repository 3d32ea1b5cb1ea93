"""Lists the vocabulary of answers: what runs of letters and LaTeX commands mean.

A run of letters is one of the names listed here, a short product of variables (`AB`, which may be a segment), or a word
(`rhombus`). A word is never read as a product, so anagrams cannot be equal.
"""

from __future__ import annotations

from types import MappingProxyType


def split_names(text: str) -> frozenset[str]:
    """Returns the set of the words of `text`."""
    return frozenset(text.split())


FUNCTIONS = split_names(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan arccot ln log lg exp min max gcd lcm"
)

GREEK = split_names(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega hbar ell odot"
)

_GREEK_SIGNS_AND_NAMES = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi ρ rho "
    "σ sigma τ tau υ upsilon φ varphi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Σ Sigma "
    "Υ Upsilon Φ Phi Ψ Psi Ω Omega ϕ phi ϑ vartheta ϵ varepsilon"
)
GREEK_LETTERS = MappingProxyType(
    dict(zip(_GREEK_SIGNS_AND_NAMES.split()[::2], _GREEK_SIGNS_AND_NAMES.split()[1::2], strict=True))
)
"""The command of each Greek letter."""

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
"""Kind and text of the token of each word that is not a name."""

PLAIN_WORDS = split_names(
    "is it the of in to no yes not if so be by at as on we he for are was has all any per can one two six ten but "
    "nor set day its may see use via too she her his our you how who why did had do go my me am us oh ok key low "
    "big new old odd red up out off own let get got put say way end few lot sum top st nd rd th am pm pc pcs"
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
"""The sign of each relation, by the spellings and commands of it."""

CONTENT_COMMANDS = split_names(
    "text textbf textit textrm texttt textnormal textsf mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak "
    "boldsymbol bm pmb mbox hbox operatorname rm bf it emph underline overline vec overrightarrow widehat hat tilde "
    "widetilde bar number num unit quantity qty SI si ce boxed fbox displaystyle textstyle mathop overset"
)
"""Commands that only format their content; the content is read in place."""

TEXT_COMMANDS = split_names("text textbf textit textrm textnormal mathrm mbox hbox operatorname rm unit")
"""Those of `CONTENT_COMMANDS` whose content is prose: one letter may be a unit there."""

HIDDEN_COMMANDS = split_names("phantom hphantom vphantom hspace vspace label tag color textcolor ref cite")
"""Commands whose content is left out."""

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
"""The text of the token of each command that is an operator."""
