"""The verifier: decides whether a response answers a question, computes the reward, and lints golds.

entry points         api (verify, verify_many), spec (what a response is graded against), reward (and penalties)
response to answer   marks (chat templates), extract (tags, boxes, "answer is"), sentences (an answer inside one),
                     choices (options)
text to tokens       unicode (look-alikes), recurring (decimals), vocabulary, units, lexer
tokens to value      token_cursor, expression_parser (formulas), item_parser (relations, sets, matrices), answer_parser
                     (whole answers), with numerals, words, systems, matrices, conditions; the tree is in nodes
value to numbers     numeric (are two expressions the same?), backends (floats and long decimals)
value to value       quantities (units, rounding), sets (inequalities, intervals), relations, compare (all types)
the verdict          gold (the linter), interpret (the answer in the light of the gold), rules, profiles (policies),
                     explain
processes            pool and worker (a deadline for each row)
another grader       upstream_reward (the published scripts, on math-verify)
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
