"""The graders that are compared, each as (response, gold, choices) -> accepted. Peers are used as their manuals say."""

import logging
from collections.abc import Callable, Iterator
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from mmk12.verifier import verify

Grader = Callable[[str, str, tuple[str, ...]], bool]

VERL = Path("build/bench/verl/utils/reward_score")
"""Where the Makefile puts verl without what it needs: these two files need nothing, and verl itself torch and Ray."""


def graders() -> Iterator[tuple[str, Grader]]:
    """Ours first, then the peers that are installed."""
    yield "mmk12 strict", lambda response, gold, choices: verify(response, gold, choices=choices or None).correct
    if find_spec("math_verify"):
        yield "math-verify 0.9.0", _math_verify()
    if find_spec("mathruler") and find_spec("pylatexenc"):
        yield "mathruler 0.1.0", _mathruler()
    if VERL.is_dir():
        yield "verl 0.9.1 math_reward", _verl_math_reward()
        yield "verl 0.9.1 math_dapo", _verl_math_dapo()


def _math_verify() -> Grader:
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)

    def accepts(response: str, gold: str, choices: tuple[str, ...]) -> bool:
        return bool(verify(parse(f"${gold.strip('$ .')}$"), parse(response)))

    return accepts


def _mathruler() -> Grader:
    from mathruler.grader import extract_boxed_content, grade_answer

    def accepts(response: str, gold: str, choices: tuple[str, ...]) -> bool:
        return bool(grade_answer(extract_boxed_content(response), gold.strip("$ .")))

    return accepts


def _loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(name, VERL / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _verl_math_reward() -> Grader:
    score = _loaded("math_reward").compute_score
    return lambda response, gold, choices: score(response, gold.strip("$ .")) > 0


def _verl_math_dapo() -> Grader:
    score = _loaded("math_dapo").compute_score
    return lambda response, gold, choices: bool(score(response, gold.strip("$ ."))["acc"])
