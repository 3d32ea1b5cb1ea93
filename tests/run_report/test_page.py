"""The page of a training run shows the content of its files, judges again, and never executes text of the model."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmk12.errors import Mmk12Error
from mmk12.run_report import write_page
from mmk12.run_report.page import FIGURES, collect_quarters, find_faults
from mmk12.run_report.samples import PROMPTS, STEPS, compute_advantages, select_samples
from mmk12.runlog import read_responses, read_run
from tests.conftest import picture
from tests.training_runs import ROLLOUTS, make_training_run


@pytest.fixture
def run(tmp_path):
    return make_training_run(tmp_path / "run", steps=14, prompts=8)


@pytest.fixture
def one_figure(monkeypatch):
    """Reduces the page to one figure, which takes a sixth of the time."""
    monkeypatch.setattr("mmk12.run_report.page.FIGURES", {"groups": "Prompts that teach"})


def test_advantages_are_rloo_or_grpo():
    rewards = [1.5, 0.5, 0.0, 0.5]
    expected = [reward - (sum(rewards) - reward) / 3 for reward in rewards]
    assert compute_advantages(rewards, "rloo") == pytest.approx(expected)
    assert sum(compute_advantages(rewards, "grpo")) == pytest.approx(0)
    assert compute_advantages([1.0, 1.0], "grpo") == [0.0, 0.0]
    assert compute_advantages([1.0], "rloo") == [0.0]


def test_samples_are_whole_groups_of_steps_from_first_to_last(run):
    entries = select_samples(run, "paper_instruct", "rloo")
    steps = list(dict.fromkeys(int(entry["groups"]["step"]) for entry in entries))
    assert (len(steps), steps[0], steps[-1]) == (STEPS, 1, 14)
    assert len(entries) == STEPS * PROMPTS * ROLLOUTS
    for at in range(0, len(entries), ROLLOUTS):
        group = entries[at : at + ROLLOUTS]
        assert len({entry["id"] for entry in group}) == 1
        assert sum(entry["advantage"] for entry in group) == pytest.approx(0)
    right = next(entry for entry in entries if entry["status"] == "correct")
    assert (right["rule"], right["answer"]) == ("identical", right["gold"])


def test_a_changed_verdict_is_reported(run):
    path = run / "rollouts/1.jsonl"
    path.write_text(path.read_text().replace('"status": "wrong"', '"status": "correct"'))
    reasons = [
        entry["reason"] for entry in select_samples(run, "paper_instruct", "rloo") if entry["status"] == "correct"
    ]
    assert any(reason.startswith("paid as correct; judged again: wrong, ") for reason in reasons)


def test_questions_and_images_of_the_data_folder_are_shown(run, tmp_path, one_figure):
    rows = [
        {
            "images": [{"bytes": picture("red", (60, 40)), "path": "x.png"}, {"bytes": b"no picture", "path": ""}],
            "extra_info": {
                "id": f"demo/train/{n}",
                "question": "<image>How long?",
                "choices": [],
                "answer_type": "auto",
            },
        }
        for n in range(8)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "train.parquet")
    html = write_page(run, tmp_path / "report.html", tmp_path).read_text()
    items = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])["items"]
    assert {item["question"] for item in items} == {"<image>How long?"}
    [image] = {image for item in items for image in item["images"]}
    assert html.count(f'<script type="image/webp" id="{image}">') == 1


def test_the_page_is_whole(run):
    page = write_page(run, run / "report.html")
    html = page.read_text()
    for words in (
        "a made-up run",
        "14 steps, 1 launch",
        "Reward health",
        "Configuration",
        "train.learning_rate",
        "0.0001",
    ):
        assert words in html
    assert html.count("<svg") == len(FIGURES)
    assert not re.search(r'(src|href)="?https?:', html)


def test_the_page_is_the_same_bytes_each_time(run, one_figure):
    pages = [write_page(run, run / f"{number}.html").read_bytes() for number in range(2)]
    assert pages[0] == pages[1]


def test_a_log_without_dumps_still_makes_a_page(tmp_path, one_figure):
    run = make_training_run(tmp_path / "run", steps=3, dumps=False)
    (run / "resolved.yaml").unlink()
    html = write_page(run, run / "report.html").read_text()
    assert "Reward health" in html
    assert 'id="items"' not in html


@pytest.mark.parametrize("damage", ["train: 5\n", "reward: strict\n", "- 1\n", "a: [\n", "profile: x\n"])
def test_a_damaged_resolved_yaml_is_one_clear_error(run, one_figure, damage):
    (run / "resolved.yaml").write_text(damage)
    with pytest.raises(Mmk12Error):
        write_page(run, run / "report.html")


def test_text_of_the_model_is_escaped(run, one_figure):
    path = run / "rollouts/1.jsonl"
    path.write_text(path.read_text().replace("<think>", "</script><script>alert(1)</script>"))
    html = write_page(run, run / "report.html").read_text()
    assert "<script>alert(1)" not in html


def test_health_is_by_quarter_and_lists_samples_that_could_not_be_judged(run):
    path = run / "rollouts/2.jsonl"
    path.write_text(path.read_text().replace('"status": "correct"', '"status": "gold_unusable"'))
    quarters = collect_quarters(read_run(run).table)
    assert [(quarter.first, quarter.last) for quarter in quarters] == [(1, 4), (5, 8), (9, 11), (12, 14)]
    assert all(sum(quarter.shares.values()) == pytest.approx(1) for quarter in quarters)
    worst = find_faults(read_responses(run / "rollouts").table)
    assert worst[0].status == "gold_unusable"
    assert worst == sorted(worst, key=lambda fault: (-fault.times, fault.id))
