"""Versions: of this package, for the build, `mmk12.__version__` and the release check; and of the trainer."""

__version__ = "0.2.0"

VERL = "0.9.1"
"""The only version of verl that the plugin and the recipes fit."""
