"""`mmk12 report RUN`: one page of a training run, that needs no network and can be sent to someone.

health    what became of the responses: statuses, golds that cannot be used, what ran out of time
samples   some rollouts of some steps, judged again so that their rules are known, with rewards and advantages
page      the page: figures, health, configuration, rollouts to look at, browsed as in an evaluation's report
"""

from __future__ import annotations

from mmk12.run_report.page import write_page

__all__ = ["write_page"]
