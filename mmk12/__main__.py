"""`python -m mmk12` is the `mmk12` command."""

from mmk12.cli import main

main()
