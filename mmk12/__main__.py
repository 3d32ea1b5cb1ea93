"""The `mmk12` command, also as `python -m mmk12`: runs the command line and sets the exit code.

0: done. 1: the user must change something (a message, no traceback). 2: a bug of mmk12 (traceback). 128 + N: ended by
signal N, such as 130 for Ctrl-C; finished work is kept.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

import typer

from mmk12.cli import app
from mmk12.errors import Mmk12Error

_SIGNALLED = 128
"""Exit codes above it name the signal that ended the command: 130 for Ctrl-C."""


def main() -> None:
    """Runs the command line and exits."""
    _unwind_when_asked_to_end()
    try:
        app()
    except SystemExit as stop:  # exit 2 of the parser is a mistake in the command, not a bug
        if isinstance(stop.code, int) and stop.code > _SIGNALLED:
            typer.echo("Interrupted. What is finished is kept: run the same command again to go on.", err=True)
        sys.exit(1 if stop.code == 2 else stop.code)
    except Mmk12Error as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the one boundary: everything else is a bug, and its traceback is shown
        import traceback

        traceback.print_exc()
        typer.echo("This is a bug in mmk12, please report it with the lines above.", err=True)
        sys.exit(2)


def _unwind_when_asked_to_end() -> None:
    """Has the signals by which a cluster ends a job remove unfinished files on the way out, as Ctrl-C does.

    A signal that this process was started to ignore (`nohup`) stays ignored.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(_SIGNALLED + number)

    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread can handle signals
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


if __name__ == "__main__":
    main()
