"""Reads the log of a training run as one table, whichever framework wrote it and however often it was interrupted.

notes          what was irregular in the files of a run, as records
reader         metrics by step: verl's file and console logs, TensorBoard events; launches merged, columns renamed
rollouts       the dumped responses: numeric columns of all of them, texts of a few
training_rows  questions and images of the training data, by sample id
"""

from __future__ import annotations

from mmk12.runlog.notes import LogNote
from mmk12.runlog.reader import COLUMNS, Column, RunLog, read_run
from mmk12.runlog.rollouts import Responses, Rollout, read_responses

__all__ = ["COLUMNS", "Column", "LogNote", "Responses", "Rollout", "RunLog", "read_responses", "read_run"]
