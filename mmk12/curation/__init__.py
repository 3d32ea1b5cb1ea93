"""`build-data`: raw sources -> a training mixture in verl's format, with a reason for every row that is left out."""

from mmk12.curation.difficulty import DifficultyModel
from mmk12.curation.pipeline import Build, build_data
from mmk12.curation.plan import Plan, PlannedSource

__all__ = ["Build", "DifficultyModel", "Plan", "PlannedSource", "build_data"]
