"""Reflection in responses: looking again, checking, going back, planning anew (arXiv 2503.07365, figures 4 and 5).

patterns          phrases of each kind in English and Chinese, and the check of their context
scan              all responses of a run with a boolean column per kind; the choice of examples
examples          the chosen responses with their reflections marked, with question and gold
judge             a language model's opinion on samples, and its agreement with the rules
reflection_page   relations to accuracy and length, and the page aha.html
"""

from __future__ import annotations

from mmk12.run_report.reflection.patterns import KINDS, ReflectionSpan, find_reflections
from mmk12.run_report.reflection.scan import scan_run

__all__ = ["KINDS", "ReflectionSpan", "find_reflections", "scan_run"]
