"""Run logs are merged correctly over interruptions, and note irregularities of their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mmk12.errors import MissingData
from mmk12.runlog import LogNote, read_responses, read_run
from mmk12.runlog.reader import read_console
from mmk12.runlog.rollouts import summarize_steps
from mmk12.runlog.training_rows import read_training_rows
from tests.training_runs import ROLLOUTS, make_training_run


def write(path: Path, rows: list[tuple[int, dict[str, Any]]], tail: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in rows) + tail)


def steps(first: int, last: int, accuracy: float) -> list[tuple[int, dict[str, Any]]]:
    return [(n, {"reward/acc/mean": accuracy, "response_length/mean": 30.0 + n}) for n in range(first, last + 1)]


def test_a_later_launch_makes_the_steps_after_its_checkpoint_void(tmp_path: Path) -> None:
    write(tmp_path / "attempts/001/metrics.jsonl", steps(1, 9, 0.1))
    write(tmp_path / "attempts/002/metrics.jsonl", steps(5, 7, 0.2))
    write(tmp_path / "attempts/003/metrics.jsonl", steps(7, 8, 0.3))
    log = read_run(tmp_path)
    assert log.launches == 3
    assert log.table.index.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert log.table["accuracy"].tolist() == [0.1, 0.1, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3]
    assert log.table["length"].tolist() == [31.0, 32.0, 33.0, 34.0, 35.0, 36.0, 37.0, 38.0]


def test_broken_repeated_and_misplaced_lines_are_noted(tmp_path: Path) -> None:
    rows = [(1, {"a": 1}), (3, {"a": 3}), (2, {"a": 2}), (3, {"a": 4, "b": 1}), (4, {"a": float("nan"), "b": "x"})]
    write(tmp_path / "metrics.jsonl", rows, tail='[1]\n{"step": true, "data": {}}\n{"step": 5, "da')
    log = read_run(tmp_path / "metrics.jsonl")
    assert log.table.loc[3].to_dict() == {"a": 4.0, "b": 1.0}
    assert pd.isna(log.table.loc[4, "a"])
    text = " ".join(map(str, log.notes))
    assert [(note.problem, note.count) for note in log.notes] == [
        ("not a step", 3),
        ("out of order", 1),
        ("repeated", 1),
    ]
    assert "3 lines are no step" in text
    assert "1 of 4 steps are out of order" in text
    assert "1 steps were logged more than once" in text


def test_a_step_without_values_keeps_its_row(tmp_path: Path) -> None:
    """pandas before 3.1 drops it."""
    write(tmp_path / "metrics.jsonl", [(1, {"a": 1}), (2, {}), (3, {"a": float("nan")}), (4, {"b": 2})])
    table = read_run(tmp_path / "metrics.jsonl").table
    assert table.index.tolist() == [1, 2, 3, 4]
    assert table.columns.tolist() == ["a", "b"]
    assert set(table.dtypes.astype(str)) == {"float64"}
    write(tmp_path / "empty.jsonl", [(1, {}), (2, {})])
    assert read_run(tmp_path / "empty.jsonl").table.shape == (2, 0)


def test_console_logs_of_verl(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_text(
        "noise\n(TaskRunner pid=7) step:2 - reward/acc/mean:0.25 - timing_s/step:1e1 - kl:np.float64(0.5) "
        "- n:np.int64(3) - x:nan - y:word\nstep:z\n"
    )
    assert read_console(path).steps == {2: {"reward/acc/mean": 0.25, "timing_s/step": 10.0, "kl": 0.5, "n": 3.0}}
    assert read_run(path).table.loc[2, "accuracy"] == 0.25


def test_a_launch_that_validates_first_keeps_the_step_of_its_checkpoint(tmp_path: Path) -> None:
    write(tmp_path / "attempts/001/metrics.jsonl", steps(1, 9, 0.1))
    validation = (6, {"val-core/mmk12/paper_instruct/acc/mean@1": 0.5})
    write(tmp_path / "attempts/002/metrics.jsonl", [validation, *steps(7, 8, 0.2)])
    table = read_run(tmp_path).table
    assert table.index.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert table["accuracy"].tolist() == [0.1] * 6 + [0.2] * 2, "no seam"
    assert table["validation/accuracy"].dropna().to_dict() == {6: 0.5}


def dump(folder: Path, step: int, rows: list[dict[str, Any]], tail: str = "") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + tail)


ANSWERS = [
    {"uid": f"a_{n}_0", "score": 1.5, "acc": 1.0, "format": 1, "length": 10, "status": "correct", "output": "x"}
    for n in range(2)
] + [
    {"uid": f"b_{n}_0", "score": 0.5, "acc": 0, "format": 1, "length": 30, "status": "wrong", "output": "y"}
    for n in range(2)
]


def test_rollout_dumps_fill_what_the_log_lacks(tmp_path: Path) -> None:
    write(tmp_path / "attempts/001/metrics.jsonl", [(1, {"critic/score/mean": 0.9}), (2, {"critic/score/mean": 1.0})])
    dump(tmp_path / "rollouts", 1, ANSWERS)
    dump(tmp_path / "rollouts", 2, ANSWERS[:1], tail='{"torn')
    dump(tmp_path / "rollouts", 3, ANSWERS)  # of a launch whose step is void
    log = read_run(tmp_path)
    first = log.table.loc[1]
    assert (first["accuracy"], first["length"], first["all_right"], first["all_wrong"]) == (0.5, 20.0, 0.5, 0.5)
    assert first["reward/status/correct"] == 0.5
    assert first["reward"] == 0.9, "what was logged wins over what is counted"
    assert log.table.index.tolist() == [1, 2]
    assert log.table.loc[2, "accuracy"] == 1.0
    assert [str(note) for note in log.notes] == ["2.jsonl: 1 lines are no response"]
    assert log.notes[0] == LogNote("2.jsonl", "not a response", 1)


def test_what_is_logged_is_what_the_dumps_hold(tmp_path: Path) -> None:
    run = make_training_run(tmp_path / "run", steps=3)
    counted = summarize_steps(read_responses(run / "rollouts").table)
    logged = read_run(run).table[counted.columns]
    pd.testing.assert_frame_equal(counted, logged, check_index_type=False, check_names=False)


@pytest.mark.parametrize(
    "changed",
    [
        {"uid": None, "input": "Q"},  # verl's older trainer
        {"acc": True},  # a truth value for a number
        {"acc": "1", "score": None, "length": [3], "status": 7},  # anything
    ],
)
def test_odd_rows_of_a_dump_are_read_as_far_as_they_go(tmp_path: Path, changed: dict[str, Any]) -> None:
    dump(tmp_path, 1, [{**ANSWERS[0], **changed}, {**ANSWERS[1], **changed}])
    table = read_responses(tmp_path).table
    assert len(table) == 2
    assert table["prompt"].nunique() == 1
    assert table["format"].tolist() == [1.0, 1.0]


def test_responses_to_one_prompt_in_two_steps_are_two_prompts(tmp_path: Path) -> None:
    for step in (2, 10):
        dump(tmp_path, step, ANSWERS)
    table = read_responses(tmp_path).table
    assert table["step"].tolist() == [2] * 4 + [10] * 4
    assert table.groupby("prompt").size().tolist() == [2, 2, 2, 2]


def test_no_dumps_are_no_responses(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("{}")
    (tmp_path / "3.jsonl").write_text("")
    assert len(read_responses(tmp_path).table) == 0
    assert len(read_responses(tmp_path / "none").table) == 0


def test_a_dump_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    dump(tmp_path, 1, ANSWERS)
    assert len(read_responses(tmp_path).table) == 4
    dump(tmp_path, 1, ANSWERS[:3])
    assert len(read_responses(tmp_path).table) == 3


def test_questions_and_images_come_from_the_data_folder(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"images": [{"bytes": b"p%d" % n, "path": ""}], "extra_info": {"id": f"s/{n}", "question": f"<image>{n}?"}}
        for n in range(5)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet", row_group_size=2)
    (tmp_path / "attempts/001").mkdir(parents=True)
    (tmp_path / "attempts/001/config.yaml").write_text(f"data.train_files: {tmp_path / 'train.parquet'}\n")
    for by_id in (
        read_training_rows(tmp_path, {"s/1", "s/4", "s/9"}),
        read_training_rows(tmp_path, {"s/1", "s/4"}, tmp_path),
    ):
        assert {name: (row.question, row.images) for name, row in by_id.items()} == {
            "s/1": ("<image>1?", (b"p1",)),
            "s/4": ("<image>4?", (b"p4",)),
        }
    assert read_training_rows(tmp_path, {"s/1"}, tmp_path / "gone") == {}
    (tmp_path / "train.parquet").write_bytes(b"no parquet")
    assert read_training_rows(tmp_path, {"s/1"}) == {}


def test_a_run_interrupted_twice_has_each_step_once(tmp_path: Path) -> None:
    run = make_training_run(tmp_path / "run", steps=12, prompts=2, launches=((1, 6), (4, 9), (8, None)))
    log = read_run(run)
    assert log.launches == 3
    assert log.table.index.tolist() == list(range(1, 13))
    assert len(read_responses(run / "rollouts").table) == 12 * 2 * ROLLOUTS


def test_no_log_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="holds no training log"):
        read_run(tmp_path)


def test_tensorboard_events(tmp_path: Path) -> None:
    writer = pytest.importorskip("torch.utils.tensorboard").SummaryWriter(tmp_path)
    for step in range(3):
        writer.add_scalar("train/response_length", 10 + step, step)
    writer.close()
    assert read_run(tmp_path).table["length"].tolist() == [10.0, 11.0, 12.0]
