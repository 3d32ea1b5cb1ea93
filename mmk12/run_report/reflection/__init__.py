"""Second thoughts in responses: looking again, checking, going back, planning anew (arXiv 2503.07365, figures 4 and 5).

phrases    what gives such a moment away, in English and Chinese
finding    where a response has one: a phrase in its context
scanning   all responses of a run, a column for each kind
relations  what they go together with: a right answer, a longer one
choosing   the ones worth reading
examples   these in pieces, with what was asked and answered
question   what a judge is asked about one of them
judged     its opinions beside the rules, and how often the two agree
page       all of it for people
"""

from __future__ import annotations

from mmk12.run_report.reflection.patterns import KINDS, ReflectionSpan, find_reflections
from mmk12.run_report.reflection.scan import scan_run

__all__ = ["KINDS", "ReflectionSpan", "find_reflections", "scan_run"]
