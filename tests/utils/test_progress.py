"""Progress lines: counts, throughput and time to go of this run, not of the one that was killed before it."""

import io
import re

import pytest
from rich.console import Console

from mmk12.utils import progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_lines_say_throughput_and_time_to_go(clock):
    out = io.StringIO()
    with progress.show_progress(Console(file=out, width=100)) as update:
        for second, done in ((0, 200), (5, 210), (10, 220), (25, 300), (50, 500)):
            clock[0] = 100.0 + second
            update("generate", done, 500)
    assert out.getvalue().splitlines() == [
        "generate: 200 of 500",
        "generate: 220 of 500, 2.0/s, 0:02:20 left",
        "generate: 300 of 500, 4.0/s, 0:00:50 left",
        "generate: 500 of 500, 6.0/s",
    ]


def test_a_total_that_is_not_known_has_no_end(clock):
    out = io.StringIO()
    with progress.show_progress(Console(file=out, width=100)) as update:
        update("read", 1, 0)
        clock[0] += 20
        update("read", 9, 0)
    assert out.getvalue().splitlines() == ["read: 1", "read: 9"]


def test_the_bar_shows_the_same(clock):
    out = io.StringIO()
    with progress.show_progress(Console(file=out, width=120, force_terminal=True)) as update:
        for done in range(11):
            clock[0] += 0.5
            update("generate", done, 10)
    assert "10/10" in out.getvalue()
    assert "/s" in out.getvalue()


def test_a_burst_of_results_does_not_make_the_bar_promise_their_speed(clock):
    """A batch of sixteen arrives at once every half a minute: the speed is one in two seconds, not thousands."""
    out = io.StringIO()
    with progress.show_progress(Console(file=out, width=160, force_terminal=True)) as update:
        for batch in range(6):
            for done in range(16):
                update("generate", batch * 16 + done, 500)
            clock[0] += 32
        update("generate", 96, 500)
    assert "0.5/s, 0:13:28 left" in out.getvalue()
    assert not re.search(r"\d{2,}\.\d/s", out.getvalue())
