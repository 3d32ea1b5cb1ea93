"""Files that survive a kill, a full disk and a second run."""

import json
import os
import resource
import subprocess
import sys

import pytest

from mmk12.errors import BadInput, MissingData, OutputError
from mmk12.types import BrokenLine
from mmk12.utils import storage
from mmk12.utils.storage import AppendLog


def held(log):
    return [row for _, row in log.read()]


def test_an_unchanged_file_is_not_touched(tmp_path):
    path = tmp_path / "a.txt"
    storage.write_text(path, "one")
    os.utime(path, ns=(1, 1))
    storage.write_text(path, "one")
    assert path.stat().st_mtime_ns == 1
    storage.write_text(path, "two")
    assert path.read_text() == "two"
    assert [child.name for child in tmp_path.iterdir()] == ["a.txt"]


def test_lone_surrogates_of_a_model_can_be_written(tmp_path):
    storage.write_text(tmp_path / "a.txt", "broken \ud83d emoji")
    assert "broken" in (tmp_path / "a.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "error", "word"),
    [(None, MissingData, "No file"), ("{", BadInput, "not valid JSON"), ("[" * 100_000, BadInput, "not valid JSON")],
)
def test_reading_json_names_the_file(tmp_path, content, error, word):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(error, match=word) as caught:
        storage.read_json(path)
    assert "a.json" in str(caught.value)


def test_broken_lines_come_in_their_places(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"x": 1}\n\nnot json\n[1]\n\xff\xfe\n{"x": 2}\n')
    found = list(storage.read_jsonl(path))
    assert [row if isinstance(row, dict) else "broken" for row in found] == [
        {"x": 1}, "broken", "broken", "broken", {"x": 2}
    ]  # fmt: skip
    assert isinstance(found[1], BrokenLine)
    assert found[1].where.endswith("a.jsonl:3")


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_torn_last_line_is_dropped_wherever_it_was_cut(tmp_path, cut):
    path = tmp_path / "log.jsonl"
    AppendLog(path).append([{"x": 1}, {"x": 22}])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    log = AppendLog(path)
    expected = [{"x": 1}] if cut <= len('{"x": 22}\n') else []
    assert held(log) == expected
    assert log.torn == (cut != len('{"x": 22}\n'))
    log.append([{"x": 3}])
    assert held(AppendLog(path)) == [*expected, {"x": 3}]


def test_a_torn_line_longer_than_a_block_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"x": 1}\n' + b"y" * 200_000)
    log = AppendLog(path)
    assert log.torn
    assert held(log) == [{"x": 1}]
    assert path.read_bytes() == b'{"x": 1}\n'


def test_a_broken_line_in_the_middle_is_kept_and_named(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"x": 1}\nbroken\n{"x": 2}\n')
    log = AppendLog(path)
    first, broken, last = held(log)
    assert (first, last) == ({"x": 1}, {"x": 2})
    assert broken.where == f"{path}:2"
    assert b"broken" in path.read_bytes()


def test_a_row_is_found_again_at_its_place(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"x": "\xc3\xa9"}\n\nbroken\n')
    log = AppendLog(path)
    places = log.append([{"x": "é" * 5}, {"x": 2}]) + log.append([]) + log.append([{"x": 3}])
    assert [log.at(place) for place in places] == [{"x": "é" * 5}, {"x": 2}, {"x": 3}]
    assert [place for place, _ in AppendLog(path).read()][2:] == places
    assert next(log.at(place) for place, row in log.read() if isinstance(row, dict)) == {"x": "é"}


def test_a_second_run_on_one_folder_is_refused_and_a_dead_one_leaves_nothing(tmp_path):
    code = (
        "import sys, os; from pathlib import Path; from mmk12.utils import storage\n"
        f"with storage.lock_folder(Path({str(tmp_path)!r})):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="Another run is writing"), storage.lock_folder(tmp_path):
            pass
        child.kill()
    with storage.lock_folder(tmp_path):
        pass


def test_a_full_disk_is_one_clear_line_and_loses_nothing(tmp_path):
    """The limit on file size stands for a full disk: the same refusal in the middle of a write."""
    path = tmp_path / "log.jsonl"
    log = AppendLog(path)
    log.append([{"x": "kept"}])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            log.append([{"x": "y" * 8000}])
        with pytest.raises(OutputError, match="disk is full"):
            storage.write_text(tmp_path / "derived.txt", "z" * 8000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["log.jsonl"]
    assert held(AppendLog(path)) == [{"x": "kept"}]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        storage.write_text(tmp_path / "file" / "a.txt", "x")


def test_canonical_lines_parse_back():
    value = {"a": [1, None, "é\u2028"], "b": {}}
    assert json.loads(storage.to_json(value)) == value
    assert "\n" not in storage.to_json(value)


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_what_dead_processes_left_of_a_file_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "x.json"
    with storage.replace_file(path) as file:
        (mine,) = (entry.name for entry in tmp_path.iterdir())
        file.write(b"1")
    own, dead = str(os.getpid()), str(dead_process())
    host = mine.split(".")[-2].split("-")[0]
    left = [f".x.json.{host}-{dead}.part"]
    kept = [
        f".x.json.{host}-{os.getppid()}.part",
        f".x.json.00000000-{dead}.part",
        f".y.json.{host}-{dead}.part",
        f".x.json.{host}-none.part",
        "x.json.part",
    ]
    for name in (*left, *kept):
        (tmp_path / name).write_bytes(b"?")
    storage.write_bytes(path, b"2")
    assert path.read_bytes() == b"2"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([*kept, "x.json"])
    assert own in mine


@pytest.mark.parametrize("name", ["n" * 250 + ".json", "题" * 83 + ".json"])
def test_a_name_as_long_as_the_file_system_allows(tmp_path, name):
    storage.write_text(tmp_path / name, "x")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
