"""The verifier: decides whether a response answers a question, pays the reward, and lints golds.

response to answer   extract (tags, boxes, anchors), prose (in a sentence), choices (options), tags (format)
text to tokens       chars (look-alikes), words (vocabulary), units, lexemes, lexer
tokens to value      cursor, numerals, functions, expressions (precedence), atoms, matrices, items (frames),
                     doubles (±), phrases (words), nouns (words beside numbers), moments (times and dates),
                     grammar (the whole answer); the tree itself is in values, its classes made by frozen
value to numbers     fields (floats and long decimals), evaluate (are two expressions the same?)
value to value       measures (units), numbers (marks, rounding), lines, sets (inequalities), relations,
                     compare (all kinds)
the verdict          numbered (sub-answers), gold (the linter), declared (what the caller says it is), reading,
                     judge, profiles (policies), explain
the reward           reward, penalties
many verdicts        many, pool and worker (processes), shared (one worker for all threads)
another grader       released (the published scripts, on math-verify)
"""

from mmk12.verifier.api import verify, verify_many
from mmk12.verifier.gold import GoldClass, classify_gold
from mmk12.verifier.profiles import PROFILES, Profile
from mmk12.verifier.reward import Penalties, reward
from mmk12.verifier.spec import GradingSpec

__all__ = [
    "PROFILES",
    "GoldClass",
    "GradingSpec",
    "Penalties",
    "Profile",
    "classify_gold",
    "reward",
    "verify",
    "verify_many",
]
