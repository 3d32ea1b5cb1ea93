"""The hub as it is: busy, gated, cut off, offline and moving. The real clients talk to a hub on loopback."""

import json
import random

import pytest

from tests.conftest import picture
from tests.datasets import raw
from tests.datasets.hub_server import hub_server
from tests.datasets.raw import parquet_file

pytestmark = pytest.mark.slow

ID = "LightChen2333/M3CoT"
FILE = f"{ID}/data/train-00000-of-00001.parquet"


def write_rows(root, count=3, filler=0, question="How long?"):
    row = {
        "question": question,
        "choices": ["5 cm", "6 cm"],
        "context": "",
        "answer": "A",
        "domain": "mathematics",
        "topic": "algebra",
        "category": "lengths",
        "image_id": "1",
        "split": "train",
    }
    shade = [(number, 0, 0) for number in range(count)]
    rows = [
        {**row, "id": f"algebra-{number}", "rationale": random.Random(number).randbytes(filler).hex()}
        | {"image": {"bytes": picture(shade[number]), "path": None}}
        for number in range(count)
    ]
    parquet_file(root / FILE, rows)


@pytest.fixture
def hub(tmp_path):
    write_rows(tmp_path / "hub")
    with hub_server(tmp_path / "hub") as server:
        yield server


@pytest.fixture
def check(hub, tmp_path):
    return lambda **environment: hub.run(tmp_path / "home", "check", "m3cot", "--json", **environment)


def usable(done):
    assert done.returncode == 0, done.stderr
    return sum(row["usable"] for row in json.loads(done.stdout))


def refusal(done):
    """The one line in which a command gives up."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert (done.returncode, len(lines), done.stdout) == (1, 1, ""), done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def test_rows_of_the_hub_and_later_of_its_local_copy(hub, check):
    assert usable(check()) == 3
    asked = hub.asked.total()
    assert usable(check(HF_HUB_OFFLINE="1")) == 3
    assert hub.asked.total() == asked


def test_a_busy_hub_is_asked_again_when_it_says(hub, check):
    hub.refused["info"] = [(429, {"Retry-After": "1"}), (503, {})]
    assert usable(check()) == 3
    assert not hub.refused["info"]


def test_a_hub_that_stays_busy_is_told(hub, check):
    hub.refused["info"] = [(500, {"Retry-After": "0"})] * 50
    assert "(status 500); it is busy, so try again later" in refusal(check())
    assert len(hub.refused["info"]) >= 40


def test_a_gated_dataset_says_how_to_get_access(hub, check):
    hub.gated = True
    line = refusal(check())
    assert f"{ID} is gated" in line
    assert "HF_TOKEN" in line


def test_files_that_are_refused_although_the_description_is_not(hub, check):
    hub.refused["file"] = [(403, {"X-Error-Code": "GatedRepo"})] * 50
    assert f"{ID} is gated" in refusal(check())


@pytest.mark.parametrize(("repository", "reason"), [(None, "status 404"), ("down", "cannot be reached")])
def test_no_such_dataset_and_no_hub(hub, check, repository, reason):
    (hub.root / FILE).rename(hub.root / "gone.parquet")
    (hub.root / ID / "data").rmdir()
    (hub.root / ID).rmdir()
    if repository is not None:
        hub.url = "http://127.0.0.1:9"
    assert reason in refusal(check())


def test_a_download_that_is_cut_goes_on_where_it_was(hub, check):
    write_rows(hub.root, filler=5_000_000)
    size = (hub.root / FILE).stat().st_size
    assert size > 24e6  # the client keeps what it has in pieces of 10 MB
    hub.cut = 2
    assert usable(check()) == 3
    assert hub.ranges[0] == 0
    assert any(start >= 10_000_000 for start in hub.ranges[1:]), hub.ranges


def test_a_line_that_always_breaks_is_told_and_the_same_command_goes_on(hub, check):
    hub.cut = 1_000
    assert "cannot be reached" in refusal(check())
    hub.cut = 0
    assert usable(check()) == 3


@pytest.mark.parametrize("name", ["m3cot", "mm_eureka_released"])
def test_offline_without_a_copy(hub, tmp_path, name):
    done = hub.run(tmp_path / "home", "check", name, HF_HUB_OFFLINE="1")
    assert "is not in the hub's local cache" in refusal(done)


def test_the_released_mixture_is_fetched_by_itself(hub, tmp_path):
    """Its three files, its archives read in place; a second build needs no hub."""
    raw.released(tmp_path / "raw")
    (hub.root / "FanqingM").mkdir()
    (tmp_path / "raw" / "mm_eureka_released").rename(hub.root / "FanqingM" / "MM-Eureka-Dataset")
    done = hub.run(tmp_path / "home", "check", "mm_eureka_released", "--json")
    assert usable(done) == 3
    again = hub.run(tmp_path / "home", "check", "mm_eureka_released", "--json", HF_HUB_OFFLINE="1")
    assert again.stdout == done.stdout


def test_a_build_reads_one_commit_and_tells_when_main_has_moved(hub, tmp_path):
    recipe = tmp_path / "mix.yaml"
    recipe.write_text(
        "about: one hub source\ndata: {sources: {m3cot: all}, decontaminate: [], letters: true, val_fraction: 0}\n"
    )

    def build():
        return hub.run(tmp_path / "home", "build-data", str(recipe), "--out", str(tmp_path / "out"))

    def manifest():
        return json.loads((tmp_path / "out" / "manifest.json").read_text())

    first = build()
    assert first.returncode == 0, first.stderr
    commit = hub.commit(ID)
    assert manifest()["read_from"] == {"m3cot": f"hub:{ID}@{commit}"}
    again = build()
    assert "has moved" not in again.stderr
    write_rows(hub.root, question="How long is the other one?")
    moved = build()
    assert f"from hub:{ID}@{commit} to hub:{ID}@{hub.commit(ID)}" in moved.stderr
    assert manifest()["read_from"] == {"m3cot": f"hub:{ID}@{hub.commit(ID)}"}
