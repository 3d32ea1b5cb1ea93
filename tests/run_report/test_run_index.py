"""The index of runs: every kind and state, what cannot be read, and a server that hands out nothing else."""

import http.client
import json
import threading

import pytest

from mmk12.errors import BadInput, MissingData
from mmk12.run_report.index_server import HOST, open_server
from mmk12.run_report.run_index import list_runs, to_json, write_index
from tests.conftest import response
from tests.runs import graded
from tests.training_runs import make_training_run

ATTEMPTS = [
    {"started": "2026-03-01T10:00:00+00:00", "finished": "2026-03-01T10:30:00+00:00", "generated": 1},
    {"started": "2026-03-01T12:00:00+00:00", "finished": "2026-03-01T12:01:30+00:00", "generated": 1},
]
UNFINISHED = [{"started": "2026-03-02T10:00:00+00:00", "finished": None}]


@pytest.fixture
def runs(tmp_path):
    """A folder with one run of every kind, and several that are not whole."""
    folder = tmp_path / "runs"
    graded(folder / "eval", [response("$4$"), response("$5$")], attempts=ATTEMPTS)
    graded(folder / "deep" / "er" / "going", [response("$4$")] * 3, attempts=UNFINISHED)
    make_training_run(folder / "train", steps=4, dumps=False)
    make_training_run(folder / "short", steps=9, launches=((1, 2),), dumps=False)
    manifest = {"recipe": {"name": "toy"}, "sources": {"a": {"load": 9, "cap": 7}}, "missing": [], "limit": 5}
    for name, text in {"build": json.dumps(manifest), "odd": "[]", "older": '{"recipe": 3}'}.items():
        (folder / name).mkdir()
        (folder / name / "manifest.json").write_text(text)
    (folder / "torn").mkdir()
    (folder / "torn" / "run.json").write_text('{"model": ')
    (folder / "eval" / "images" / "run.json").write_text("{}")
    return folder


def rows_of(folder):
    return {row.folder: row for row in list_runs(folder).rows}


def test_every_run_is_listed_once_with_its_state(runs):
    found = {name: (row.kind, row.state) for name, row in rows_of(runs).items()}
    assert found == {
        "eval": ("evaluation", "finished"),
        "deep/er/going": ("evaluation", "going on"),
        "train": ("training", "finished"),
        "short": ("training", "going on"),
        "build": ("build", "partial"),
        "odd": ("build", "cannot be read"),
        "older": ("build", "cannot be read"),
        "torn": ("evaluation", "cannot be read"),
    }
    assert "run.json" in rows_of(runs)["torn"].note


def test_an_evaluation_says_how_good_how_sure_and_how_long(runs):
    row = rows_of(runs)["eval"]
    assert (row.model, row.about, row.n, row.accuracy) == ("org/MM-Eureka-8B", "toy", 2, 0.5)
    assert row.ci95[0] < 0.5 < row.ci95[1]
    assert (row.started, row.seconds) == ("2026-03-01T10:00:00+00:00", 1890.0), "pauses between calls do not count"
    assert row.page == "eval/report.html"


def test_a_run_without_an_end_shows_how_far_it_is(runs):
    found = rows_of(runs)
    assert found["deep/er/going"].note == "3 of 3 answers"
    assert found["deep/er/going"].accuracy is None, "not measured yet"
    assert found["short"].note == "step 2 of 9"
    assert found["train"].seconds is None, "its launches do not say when they started"
    assert len(found["train"].curve) == 4


def test_a_run_that_was_silent_for_long_is_not_going_on(runs, monkeypatch):
    monkeypatch.setattr("mmk12.run_report.run_index._QUIET_SECONDS", -1)
    assert rows_of(runs)["short"].state == rows_of(runs)["deep/er/going"].state == "not finished"


def test_a_run_folder_itself_can_be_named(runs):
    assert list(rows_of(runs / "eval")) == ["eval"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_runs_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingData, match="mmk12"):
        list_runs(tmp_path / name)


def test_a_search_that_stops_early_says_so(runs, monkeypatch):
    monkeypatch.setattr("mmk12.run_report.run_index.MAX_FOLDERS", 3)
    index = write_index(runs, runs / "index.html")
    assert not index.complete
    assert "too many subfolders" in (runs / "index.html").read_text()


def test_rows_are_json(runs):
    rows = to_json(list_runs(runs))
    assert json.loads(json.dumps(rows)) == rows
    assert {"folder", "state", "accuracy", "ci95"} <= set(rows[0])


@pytest.fixture
def ask(runs):
    """Sends a request to a server of the runs, and returns status and body."""
    server = open_server(runs, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def send(path, host=None):
        connection = http.client.HTTPConnection(HOST, server.server_address[1], timeout=10)
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    yield send
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_server_hands_out_the_index_and_pages_of_runs_alone(runs, ask):
    (runs.parent / "secret.html").write_text("secret")
    (runs / "eval" / "out.html").symlink_to(runs.parent / "secret.html")
    status, page = ask("/")
    assert status == 200 and 'data-live="yes"' in page
    assert ask("/eval/report.html#at=toy/0")[0] == 200
    for path in (
        "/eval/run.json",
        "/../secret.html",
        "/%2e%2e/secret.html",
        "/eval/out.html",
        "/none.html",
        "/%00.html",
    ):
        assert ask(path)[0] == 404, path
    assert ask("/", host="evil.example:80")[0] == 403


def test_the_server_follows_a_run_that_goes_on(runs, ask):
    assert "step 2 of 9" in ask("/")[1]
    with open(runs / "short" / "attempts" / "001" / "metrics.jsonl", "a") as log:
        log.write(json.dumps({"step": 3, "data": {"reward/acc/mean": 0.5}}) + "\n")
    assert "step 3 of 9" in ask("/")[1]


def test_a_port_that_is_taken_is_refused(runs):
    with open_server(runs, 0) as server, pytest.raises(BadInput, match="--port"):
        open_server(runs, server.server_address[1])
