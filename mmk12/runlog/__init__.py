"""The log of a training run as one table, whatever wrote it and however often it was interrupted.

names      what other frameworks call our columns
metrics    verl's file logger and console: a line per step
events     TensorBoard event files: OpenRLHF, MM-Eureka, verl
rollouts   the dumped responses, their short columns and a few texts
log        all of it together, launch by launch, the later one winning
"""

from __future__ import annotations

from mmk12.runlog.reader import RunLog, read_run
from mmk12.runlog.rollouts import Responses, read_responses

__all__ = ["Responses", "RunLog", "read_responses", "read_run"]
