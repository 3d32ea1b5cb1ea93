"""Makes the page that `mmk12 report RUN` writes for a training run: one file, which needs no network.

The page of an evaluation is made by `mmk12.evaluation.report`.

page          the page: figures, reward health (statuses, unusable golds, timeouts), configuration, rollouts to browse
samples       the rollouts: some steps and prompts, judged again so that their rules are known, with advantages
reflection    the page of `mmk12 aha RUN`
run_index     the page of `mmk12 view FOLDER`: all runs below a folder
index_server  serves that page on this machine
"""

from __future__ import annotations

from mmk12.run_report.page import write_page

__all__ = ["write_page"]
