"""The version of the package: the build, `mmk12.__version__` and the release check all read it here."""

__version__ = "0.2.0"
