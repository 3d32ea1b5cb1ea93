"""Writes `mmk12 report RUN`: one page of a training run, which needs no network and can be sent to others.

page        the page: figures, reward health (statuses, unusable golds, timeouts), configuration, rollouts to browse
samples     the rollouts: some steps and prompts, judged again so that their rules are known, with advantages
reflection  the page of `mmk12 aha RUN`
"""

from __future__ import annotations

from mmk12.run_report.page import write_page

__all__ = ["write_page"]
