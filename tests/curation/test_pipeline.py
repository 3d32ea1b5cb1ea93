"""A whole build: funnel, ledger, papers; the same bytes every time, also after kills; no work when data is missing."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mmk12.curation import build_data, pipeline
from mmk12.curation.pipeline import STEPS
from mmk12.curation.stage_cache import StageOutput
from mmk12.errors import BadInput, BadRecipe, MissingData, OutputError, UnknownName
from mmk12.utils.storage import lock_folder
from tests.conftest import picture

pytestmark = pytest.mark.usefixtures("hashed_once")
ROOT = Path(__file__).resolve().parents[2]

SOURCE = """
from mmk12.datasets.declarations import Source
from mmk12.types import Gold, RawSample

def draft(row):
    return RawSample(row["id"], row["question"], Gold(row["answer"]), images=row.get("images", []))

source = Source(name="{name}", about="invented", license="CC0", url="https://example.org/{name}", folders=("{name}",),
                layout="rows.jsonl", rows=lambda files: files.jsonl("rows.jsonl"), draft=draft)
"""


def rows(count, start=0):
    colours = ["red", "green", "blue"]
    return [
        {"id": str(n), "question": f"{n} + 1 = ?", "answer": f"${n + 1}$", "images": [f"{colours[n % 3]}.png"][: n % 2]}
        for n in range(start, start + count)
    ]


@pytest.fixture
def work(tmp_path, drawn_once):
    """A recipe of two sources of our own, `toy` and `odd`, in a raw folder."""
    for name in ("toy", "odd"):
        (tmp_path / "raw" / name).mkdir(parents=True)
        (tmp_path / f"{name}.py").write_text(SOURCE.format(name=name))
        for colour in ("red", "green", "blue"):
            (tmp_path / "raw" / name / f"{colour}.png").write_bytes(picture(colour))
    write_rows(tmp_path, "toy", rows(30))
    bad = [
        "{torn",
        {"id": "no-answer", "question": "?"},
        {"id": "no-image", "question": "x?", "answer": "$1$", "images": ["none.png"]},
        {"id": "mark", "question": "<video>?", "answer": "$1$"},
        {"id": "empty", "question": "y?", "answer": ""},
        {"id": "twin", "question": "4 + 1  = ?", "answer": "$5$"},
    ]
    write_rows(tmp_path, "odd", [*bad, *rows(10, start=100)])
    write_recipe(tmp_path, "{toy: all, odd: 8}")
    return tmp_path


def write_rows(work, name, values):
    lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
    (work / "raw" / name / "rows.jsonl").write_text("\n".join(lines) + "\n")


def write_recipe(work, sources, name="mix"):
    text = sources.replace("toy:", f"{work}/toy.py:").replace("odd:", f"{work}/odd.py:")
    (work / f"{name}.yaml").write_text(
        f"about: a mixture\ndata: {{sources: {text}, val_fraction: 0.1, decontaminate: []}}\n"
    )


def made(work, out="out", recipe="mix", **options):
    return build_data(str(work / f"{recipe}.yaml"), raw_dir=work / "raw", out=work / out, **options)


def tree(folder):
    """All files and their bytes; the lock is not part of the result."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def drops(folder):
    return [json.loads(line) for line in (folder / "drops.jsonl").read_text().splitlines()]


def test_funnel_ledger_and_papers_agree(work):
    built = made(work)
    assert built.funnel["toy"] == dict.fromkeys(["read", *STEPS[:-1]], 30) | {"train": 27, "val": 3} | {
        split: built.funnel["toy"][split] for split in ("train", "val")
    }
    odd = {key: value for key, value in built.funnel["odd"].items() if key not in ("train", "val")}
    left = {"read": 16, "load": 13, "normalise": 12, "verifiable": 11, "duplicates": 10, "decontaminate": 10}
    assert odd == left | {"benchmark": 10, "difficulty": 10, "cap": 8}
    files = {split: pq.read_table(work / "out" / f"{split}.parquet").num_rows for split in ("train", "val")}
    assert files == {"train": 34, "val": 4}
    for split, count in files.items():
        assert sum(steps[split] for steps in built.funnel.values()) == count
    manifest = json.loads((work / "out" / "manifest.json").read_text())
    assert manifest["sources"] == built.funnel
    assert manifest["licenses"] == {"toy": "CC0", "odd": "CC0"}
    for name, digest in manifest["hashes"].items():
        assert hashlib.sha256((work / "out" / name).read_bytes()).hexdigest() == digest
    card = (work / "out" / "README.md").read_text()
    assert "| odd | 16 | 13 | 12 | 11 | 10 | 10 | 10 | 10 | 8 |" in card
    assert "| odd | duplicates | duplicate | 1 |" in card
    assert "Not the whole mixture" not in card
    assert (work / "out" / "figures" / "sources.png").read_bytes().startswith(b"\x89PNG")


def test_collected_rows_are_drawn_before_their_pictures_are_opened(work):
    """Eight of the usable rows of each; the picture of a row that is not drawn may as well be broken."""
    text = (work / "mix.yaml").read_text().replace("val_fraction", f"collect: {{{work}/toy.py: 8}}, val_fraction")
    (work / "mix.yaml").write_text(text)
    first = made(work, out="first")
    assert first.funnel["toy"]["read"] == 30
    assert (first.funnel["toy"]["collect"], first.funnel["toy"]["load"]) == (8, 8)
    assert (first.funnel["odd"]["collect"], first.funnel["odd"]["load"]) == (16, 13)
    drawn = {row.id for row in StageOutput(work / "first" / ".stages" / "0-load-0-toy.jsonl")}
    usable = [row | {"images": row["images"] if f"toy/{row['id']}" in drawn else ["none.png"]} for row in rows(30)]
    write_rows(work, "toy", usable)
    again = made(work, out="again")
    assert again.funnel == first.funnel
    assert {row["id"] for row in drops(work / "again") if row["source"] == "toy"} == set()
    other = made(work, out="other", seed=5).funnel["toy"]
    assert (other["collect"], other["load"] < 8) == (8, True), "another seed draws rows with broken pictures, too"


def test_every_drop_has_its_reason(work):
    made(work)
    found = drops(work / "out")
    assert [list(row) for row in found] == [["id", "source", "stage", "reason", "evidence"]] * len(found)
    assert {row["source"] for row in found} == {"odd"}
    told = {row["id"]: (row["stage"], row["reason"]) for row in found if row["stage"] != "cap"}
    assert told == {
        "odd/row 0": ("load", "broken line"),
        "odd/row 1": ("load", "malformed row"),
        "odd/no-image": ("load", "unusable image"),
        "odd/mark": ("normalise", "reserved mark in question"),
        "odd/empty": ("verifiable", "gold cannot be graded"),
        "odd/twin": ("duplicates", "duplicate"),
    }
    assert next(row["evidence"] for row in found if row["id"] == "odd/twin") == "toy/4"
    assert sum(row["stage"] == "cap" for row in found) == 2


def test_same_input_same_bytes_and_nothing_touched_again(work, drawn_once):
    made(work)
    drawn_once.clear()
    made(work, out="again")
    first = tree(work / "out")
    assert first == tree(work / "again")
    times = {path: path.stat().st_mtime_ns for path in (work / "out").rglob("*") if path.is_file()}
    made(work)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert tree(work / "out") == first


def test_the_second_run_decodes_and_grades_nothing(work, monkeypatch):
    made(work)
    monkeypatch.setattr(pipeline, "load_samples", None)
    labels = set()
    made(work, progress=lambda label, done, total: labels.add(label))
    assert labels == {"export"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda work: write_rows(work, "toy", rows(31)),
        lambda work: write_recipe(work, "{odd: all, toy: 5}"),
        lambda work: (work / "raw" / "toy" / "red.png").write_bytes(picture("black")),
        lambda work: (work / "toy.py").write_text(SOURCE.format(name="toy").replace("CC0", "CC-BY")),
        lambda work: next((work / "out" / "images").glob("*.png")).unlink(),
    ],
    ids=["rows", "recipe", "picture", "source file", "lost picture"],
)
def test_after_a_change_a_folder_is_as_if_new(work, change):
    made(work)
    change(work)
    made(work)
    made(work, out="fresh")
    assert tree(work / "out") == tree(work / "fresh")


@pytest.mark.slow
def test_other_files_in_the_folder_stay(work):
    made(work)
    own = [work / "out" / "images" / "mine.png", work / "out" / "notes.txt"]
    for path in own:
        path.write_text("mine")
    write_rows(work, "toy", rows(5))
    made(work)
    assert all(path.read_text() == "mine" for path in own)


KILLED = """
import os, signal, sys
from mmk12.curation import build_data
left = int(sys.argv[4])
real = os.replace
def replace(*paths):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*paths)
os.replace = replace
from pathlib import Path
build_data(sys.argv[1], raw_dir=Path(sys.argv[2]), out=Path(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("renames", [0, 3, 6, 9, 12, 15, 18])
def test_killed_at_any_moment_the_same_command_ends_the_same(work, renames):
    made(work, out="whole")
    arguments = [str(work / "mix.yaml"), str(work / "raw"), str(work / "out"), str(renames)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], cwd=ROOT, env={**os.environ, "MPLBACKEND": "Agg"}
    )
    assert killed.returncode == -signal.SIGKILL
    unnamed = [*(work / "out").rglob(".*.part"), *(work / "out" / ".stages").glob("export-*.parquet")]
    assert unnamed, "the kill came in the middle of a write"
    made(work)
    assert tree(work / "out") == tree(work / "whole")


def test_until_stops_after_a_stage_with_ledger_and_manifest(work):
    built = made(work, until="verifiable")
    assert list(built.funnel["odd"]) == ["read", "load", "normalise", "verifiable"]
    assert {row["stage"] for row in drops(work / "out")} == {"load", "normalise", "verifiable"}
    assert json.loads((work / "out" / "manifest.json").read_text())["hashes"].keys() == {"drops.jsonl"}
    assert not (work / "out" / "train.parquet").exists()
    made(work)
    made(work, out="whole")
    assert tree(work / "out") == tree(work / "whole")


def test_limit_reads_the_first_rows_of_each_source_and_says_so(work):
    built = made(work, limit=4)
    assert {name: steps["read"] for name, steps in built.funnel.items()} == {"toy": 4, "odd": 4}
    assert "only the first 4 rows" in (work / "out" / "README.md").read_text()


@pytest.mark.slow
def test_seed_moves_the_held_out_rows(work):
    def held_out(out):
        return {row["id"] for row in pq.read_table(work / out / "val.parquet")["extra_info"].to_pylist()}

    made(work, seed=0)
    made(work, out="other", seed=1)
    assert held_out("out") != held_out("other")


def test_dry_run_shows_the_plan_and_writes_nothing(work):
    (work / "raw" / "odd" / "rows.jsonl").unlink()
    built = made(work, dry_run=True)
    assert built.plan.stages == STEPS
    assert [planned.name for planned in built.plan.sources] == ["toy", "odd"]
    assert built.plan.sources[0].where == str(work / "raw" / "toy")
    assert "rows.jsonl" in built.plan.missing["odd"]
    assert not (work / "out").exists()


def test_all_missing_sources_are_told_at_once_before_any_work(work):
    write_recipe(work, "{math: all, toy: all, geometry3k: all}")
    with pytest.raises(MissingData) as caught:
        made(work)
    head, columns, *lines = str(caught.value).splitlines()
    assert head == "mix: 2 datasets are missing."
    assert columns.split() == ["dataset", "folder", "license", "reason", "from"]
    assert [line.split()[0] for line in lines] == ["math", "geometry3k", "Fetch", "To"]
    assert all(word in lines[1] for word in ("geometry3k/", "MIT", "folder not found", "https://github.com/lupantech"))
    assert lines[1].index("MIT") == lines[0].index("MIT") == columns.index("license")
    assert "--allow-missing" in lines[-1]
    assert not (work / "out").exists()
    built = made(work, allow_missing=True)
    assert list(built.funnel) == ["toy"]
    assert "geometry3k, math" in (work / "out" / "README.md").read_text()


def test_another_recipe_is_built_where_no_source_is_there(work):
    text = f"about: x\ndata: {{sources: {{math: all}}, decontaminate: [], otherwise: {work}/mix.yaml}}\n"
    (work / "first.yaml").write_text(text)
    plan = made(work, recipe="first", dry_run=True).plan
    assert (plan.instead_of, plan.recipe.name) == ("first", "mix")
    assert list(plan.places) == ["toy", "odd"]
    for name in ("toy", "odd"):
        (work / "raw" / name / "rows.jsonl").unlink()
    with pytest.raises(MissingData, match=r"first has no source here, so mix was tried\.(?s:.*toy.*odd)"):
        made(work, recipe="first", allow_missing=True)


def test_the_plan_expects_what_publisher_and_cap_say(work):
    text = (work / "odd.py").read_text()
    (work / "odd.py").write_text(text.replace("draft=draft)", "draft=draft, size=5)"))
    assert [planned.expected for planned in made(work, dry_run=True).plan.sources] == [None, 5]
    write_recipe(work, "{toy: 7, odd: 3}")
    assert [planned.expected for planned in made(work, dry_run=True).plan.sources] == [7, 3]


def test_a_folder_without_rows_is_missing_data(work):
    (work / "raw" / "toy" / "rows.jsonl").write_text("")
    with pytest.raises(MissingData, match="holds no rows"):
        made(work)


def test_allow_missing_needs_something_to_build(work):
    write_recipe(work, "{math: all}")
    with pytest.raises(MissingData, match="math"):
        made(work, allow_missing=True)


def test_mistakes_are_told_before_any_work(work):
    with pytest.raises(UnknownName, match="verifiable"):
        made(work, until="verifable")
    with pytest.raises(BadInput, match="limit"):
        made(work, limit=0)
    (work / "odd.py").write_text(SOURCE.format(name="toy"))
    with pytest.raises(BadRecipe, match="toy"):
        made(work)
    assert not (work / "out").exists()


def test_nothing_left_is_an_error_that_points_at_the_ledger(work):
    write_rows(work, "toy", [{"id": "1", "question": "?", "answer": ""}])
    write_recipe(work, "{toy: all}")
    with pytest.raises(BadInput, match=r"drops\.jsonl"):
        made(work)
    assert len(drops(work / "out")) == 1


def test_two_builds_cannot_write_one_folder(work):
    with lock_folder(work / "out"), pytest.raises(OutputError, match="Another run"):
        made(work)


def test_progress_counts_every_stage(work):
    seen = {}
    made(work, progress=lambda label, done, total: seen.update({label: (done, total)}))
    assert seen["load toy"] == (30, 0)
    assert seen["verifiable"] == (42, 42)
    assert seen["export"] == (38, 38)


def test_the_demo_recipe_builds_offline(tmp_path, drawn_once, posed_once):
    built = build_data("demo", out=tmp_path, limit=24)
    assert sum(built.funnel["demo"][split] for split in ("train", "val")) == built.funnel["demo"]["cap"] > 20


@pytest.mark.slow
@pytest.mark.shared
def test_real_rows_build(shared, tmp_path):
    raw, until = shared / "data", "duplicates"
    built = build_data("mm_eureka_8b", raw_dir=raw, out=tmp_path, allow_missing=True, until=until)
    assert built.funnel["math"]["read"] == 1050
    assert built.funnel["math"]["verifiable"] > 1000
    assert built.funnel["geometry3k"]["duplicates"] == 10


def test_stages_drop_under_their_own_name(work):
    """The drop log and the funnel group drops by the name that `--until` takes."""
    bad = [{"id": "empty", "question": "y?", "answer": ""}, {"id": "mark", "question": "<video>", "answer": "$1$"}]
    write_rows(work, "toy", [*rows(12), rows(12)[3] | {"id": "twin"}, *bad])
    write_recipe(work, "{toy: 8}")
    built = made(work)
    for path in (work / "out" / ".stages").glob("*.jsonl"):
        stage = path.stem.split("-")[1]
        assert {drop.stage for drop in StageOutput(path).drops()} <= {stage}
    dropped = {row["stage"] for row in drops(work / "out")}
    assert dropped == {"normalise", "verifiable", "duplicates", "cap"} <= set(built.funnel["toy"])


@pytest.mark.slow
@pytest.mark.model
def test_prompts_longer_than_the_training_takes_are_left_out_by_name_or_counted(work):
    """Image tokens count: the questions have a few words, and their images most of the tokens."""

    def built(what, **options):
        recipe = (work / "mix.yaml").read_text().replace("data: {", f"data: {{long_prompts: {what}, ")
        (work / "long.yaml").write_text(f"{recipe}train: {{max_prompt: 300, tiling: {{crop: false}}}}\n")
        made(work, recipe="long", **options)
        lines = (work / "out" / "README.md").read_text().splitlines()
        told = next((line for line in lines if "longer than the training's" in line), None)
        long = [drop for drop in drops(work / "out") if drop["reason"] == "prompt too long"]
        return told, long, pq.read_table(work / "out" / "train.parquet").num_rows

    write_rows(work, "toy", [*rows(9), {"id": "long", "question": "much " * 90 + "?", "answer": "$1$"}])
    told, long, every = built("count", tokenizer="demo")
    assert (told.split()[0], long) == ("1", [])
    told, long, left = built("drop", tokenizer="demo")
    assert told.split()[0] == "0"
    assert [drop["id"] for drop in long] == ["toy/long"]
    assert long[0]["stage"] == "normalise"
    assert long[0]["evidence"].endswith("tokens, max_prompt is 300")
    assert left == every - 1
    assert built("drop") == (None, [], every), "nothing measures without a processor"
