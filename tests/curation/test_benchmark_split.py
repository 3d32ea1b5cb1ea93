"""The K12 benchmark of a build: what is drawn, how evenly, what the mixture loses by it, and that it evaluates."""

import json

import numpy as np
import pytest
from PIL import Image as Pillow

from mmk12.curation import build_data, image_fingerprints
from mmk12.curation.benchmark_folder import FOLDER
from mmk12.curation.benchmark_split import DRAWN, benchmark, is_fill_in_the_blank, stratify
from mmk12.curation.sampling import sample_evenly
from mmk12.curation.similarity import ItemBuilder
from mmk12.curation.stage_cache import StageOutput, save_outputs
from mmk12.datasets.loader import hash_samples
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadInput, BadRecipe
from mmk12.evaluation.pipeline import evaluate
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.types import DroppedSample, Gold, Image, Sample
from mmk12.utils import storage
from mmk12.utils.images import ImageStore
from tests.conftest import load_rows, response

pytestmark = pytest.mark.usefixtures("drawn_once", "hashed_once", "posed_once")


def figure(number):
    """A picture that is not stored; `noise` is what it would show."""
    return Image(f"{number:064x}", 100, 80)


def noise(image):
    blocks = np.random.default_rng(int(image.sha256, 16)).integers(0, 256, (12, 12), dtype=np.uint8)
    return Pillow.fromarray(np.kron(blocks, np.ones((8, 8), dtype=np.uint8)))


def sample(number, question=None, gold="$4$", images=None, source="pool", **tags):
    images = (figure(number),) if images is None else images
    question = f"As shown, what is $x_{{{number}}}$?" if question is None else question
    return Sample(f"{source}/{number}", source, "<image>" * len(images) + question, images, Gold(gold), tags)


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"gold": r"$\frac{\sqrt{3}}{2}$"}, True),
        ({"gold": r"$40^{\circ}$"}, True),
        ({"gold": "$(2,-1)$"}, True),
        ({"gold": "$12$ cm"}, True),
        ({"question": "The points A, B and C lie on a circle; what is AB?"}, True),
        ({"images": ()}, False),
        ({"images": (figure(1), figure(2))}, False),
        ({"gold": "B"}, False),
        ({"gold": "rectangle"}, False),
        ({"gold": "$3$ or $5$"}, False),
        ({"gold": "(1) $3$ (2) $5$"}, False),
        ({"gold": "$2$ (the answer is not unique)"}, False),
        ({"question": "Which?\nA. 3\nB. 4\nC. 5\nD. 6"}, False),
        ({"question": "Which is it? (A) 3 (B) 4 (C) 5"}, False),
        ({"question": "下列正确的是（ ） A．3 B．4"}, False),
    ],
)
def test_what_k12_500_could_hold(changes, fits):
    assert is_fill_in_the_blank(sample(7, **changes)) is fits


def test_a_figure_inside_the_sentence_has_no_place_in_the_upstream_layout():
    inside = Sample("pool/1", "pool", "The figure <image> shows a circle.", (figure(1),), Gold("$4$"))
    assert not is_fill_in_the_blank(inside)


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ({"a": 60, "b": 30, "c": 10}, 10, {"a": 6, "b": 3, "c": 1}),
        ({"a": 5, "b": 5, "c": 5}, 4, {"a": 2, "b": 1, "c": 1}),
        ({"a": 97, "b": 2, "c": 1}, 10, {"a": 10}),
        ({"a": 3, "b": 2}, 5, {"a": 3, "b": 2}),
        ({"a": 3}, 0, {}),
    ],
)
def test_every_group_gets_its_share(sizes, count, expected):
    groups = {f"{name}{number}": name for name, size in sizes.items() for number in range(size)}
    chosen = sample_evenly(groups, count, "salt")
    assert {name: sum(one[0] == name for one in chosen) for name in sizes} == dict.fromkeys(sizes, 0) | expected


@pytest.fixture
def run(tmp_path):
    def runner(samples, size=5, seed=0, source="pool", templates=()):
        save_outputs(tmp_path / "in.jsonl", "key", samples)
        with image_fingerprints.write_fingerprints(tmp_path / "images.fingerprints") as prints:
            for image in (image for one in samples for image in one.images):
                prints.report(image, prints.examine(noise(image)))
        rows, build_item = StageOutput(tmp_path / "in.jsonl"), ItemBuilder(tmp_path, templates)
        return list(benchmark(rows, build_item=build_item, source=source, size=size, seed=seed))

    return runner


def write_recipe(folder, wanted):
    path = folder / "r.yaml"
    path.write_text(f"extends: demo\nabout: with a benchmark\ndata: {{benchmark: {wanted}}}\n")
    return str(path)


def drawn_ids(outcomes):
    return {one.id for one in outcomes if isinstance(one, DroppedSample) and one.reason == DRAWN}


def test_the_draw_takes_from_its_source_in_proportion(run):
    pool = [sample(number, grade=str(7 + number % 2), gold="$4$" if number % 4 else "$x+1$") for number in range(80)]
    others = [sample(number, source="other") for number in range(100, 130)]
    outcomes = run([*pool, *others], size=20)
    chosen = [one for one in pool if one.id in drawn_ids(outcomes)]
    assert len(chosen) == 20
    grades = [stratify(one)["grade"] for one in chosen]
    assert (grades.count("7"), grades.count("8")) == (10, 10)
    assert sum(stratify(one)["answer_type"] == "algebraic expression" for one in chosen) == 5
    (evidence,) = {one.evidence for one in outcomes if isinstance(one, DroppedSample) and one.id == chosen[0].id}
    assert evidence == " · ".join(stratify(chosen[0]).values())


def test_the_draw_depends_on_seed_and_ids_alone(run):
    pool = [sample(number) for number in range(60)]
    chosen = drawn_ids(run(pool, size=12))
    assert drawn_ids(run(pool[::-1], size=12)) == chosen
    assert drawn_ids(run(pool, size=12, seed=1)) != chosen


def test_whatever_shares_figure_or_text_leaves_the_mixture(run):
    telling = "In the quadrilateral ABCD the diagonals meet at O and AB = {}. How long is the side CD?"
    pool = [sample(number, telling.format(number + 2)) for number in range(5)]
    again = [
        sample(10, telling.format("$2$").replace("quadrilateral ABCD", "quadrilateral  $ABCD$"), source="other"),
        sample(11, "What is the area?", images=(figure(3),), source="other"),
        sample(12, "Compare.", images=(figure(99), figure(4)), source="other"),
        sample(13, telling.format(29), source="other"),
    ]
    outcomes = run([*pool, *again])
    told = {
        one.id: (one.reason, one.evidence) for one in outcomes if isinstance(one, DroppedSample) and one.reason != DRAWN
    }
    assert told == {
        "other/10": ("copies a question of the benchmark (text)", "pool/0 (text 1.00)"),
        "other/11": ("has a figure of the benchmark", "pool/3"),
        "other/12": ("has a figure of the benchmark", "pool/4"),
    }
    assert [one.id for one in outcomes if isinstance(one, Sample)] == ["other/13"]


def test_a_template_question_gives_nothing_away(run):
    pool = [sample(number, "What is the slope of this line?", gold=f"${number}$") for number in range(10)]
    outcomes = run(pool, templates=["pool"])
    assert len(drawn_ids(outcomes)) == 5
    assert len([one for one in outcomes if isinstance(one, Sample)]) == 5


def test_no_figure_and_no_text_is_drawn_twice(run):
    twins = [sample(number, images=(figure(number // 2),)) for number in range(10)]
    outcomes = run(twins)
    assert len(drawn_ids(outcomes)) == 5
    assert {int(one.split("/")[1]) // 2 for one in drawn_ids(outcomes)} == set(range(5))
    assert {one.reason for one in outcomes} == {DRAWN, "has a figure of the benchmark"}


def test_too_small_a_pool_is_told(run):
    with pytest.raises(BadInput, match=r"data\.benchmark: 3 different questions of the source 'pool' are fit .* not 5"):
        run([sample(number) for number in range(3)])
    with pytest.raises(BadInput, match="0 different questions of the source 'nowhere'"):
        run([sample(1)], source="nowhere")


@pytest.mark.parametrize("wanted", ["{size: 5}", "{source: demo, size: 0}", "official"])
def test_a_wrong_request_is_refused_in_the_recipe(tmp_path, wanted):
    with pytest.raises(BadRecipe, match=r"data\.benchmark"):
        load_recipe(write_recipe(tmp_path, wanted))


def built(folder, wanted="{source: demo, size: 24}", out="out", **options):
    return build_data(write_recipe(folder, wanted), out=folder / out, **options)


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """A build with a benchmark of its own, only read by the tests."""
    return built(tmp_path_factory.mktemp("apart"), limit=120)


def as_raw_dir(folder, out):
    """A raw folder with `out`'s benchmark where K12-500 is looked for."""
    folder.mkdir()
    (folder / "k12").symlink_to(out / FOLDER)
    return folder


@pytest.mark.slow
def test_a_built_benchmark_is_apart_from_the_mixture_and_evaluates(apart, tmp_path):
    assert apart.funnel["demo"]["benchmark"] <= 120 - 24
    raw = as_raw_dir(tmp_path / "raw", apart.out)
    items = list(load_rows(load_benchmark("k12"), raw, ImageStore(tmp_path / "images")))
    assert len(items) == 24
    told = storage.read_json(apart.out / "manifest.json")["benchmark"]
    assert (told["size"], told["published"], told["digest"]) == (24, False, hash_samples(items))
    trained = {json.loads(line)["id"] for line in (apart.out / "train.jsonl").read_text().splitlines()}
    assert trained.isdisjoint(f"demo/{item.id.removeprefix('k12/')}" for item in items)
    answers = [{"id": item.id, "response": response(item.gold.text)} for item in items]
    storage.write_jsonl(tmp_path / "saved.jsonl", answers)
    run = evaluate(str(tmp_path / "saved.jsonl"), ["k12"], out=tmp_path / "run", raw_dir=raw)
    assert (run.results.benchmarks["k12"].n, run.results.benchmarks["k12"].correct) == (24, 24)


def test_the_layout_is_upstreams(apart):
    rows = json.loads((apart.out / FOLDER / "k12.json").read_text())
    assert {tuple(row) for row in rows} == {("id", "question", "answer", "image_path")}
    assert all((apart.out / FOLDER / row["image_path"]).is_file() for row in rows)
    assert not any("<image>" in row["question"] for row in rows)
    card = (apart.out / FOLDER / "README.md").read_text()
    assert "not the published 500" in card
    assert "| topic: geometry |" in card
    assert "`k12_benchmark/` holds 24 questions of demo" in (apart.out / "README.md").read_text()


@pytest.mark.slow
def test_a_recipe_without_a_benchmark_takes_the_folder_away(tmp_path):
    made = built(tmp_path, limit=120)
    build_data("demo", out=made.out, limit=120)
    assert not list((made.out / FOLDER).rglob("*.json"))
    assert not list((made.out / FOLDER / "images").iterdir())


@pytest.mark.slow
def test_the_published_benchmark_is_optional(tmp_path):
    (tmp_path / "raw").mkdir()
    made = built(tmp_path, "{source: official}", limit=12, raw_dir=tmp_path / "raw")
    assert "eval/k12" in storage.read_json(made.out / "manifest.json")["benchmark"]["missing"]
    assert "**No benchmark folder:**" in (made.out / "README.md").read_text()


@pytest.mark.slow
def test_what_is_not_the_published_benchmark_is_told(apart, tmp_path):
    raw = as_raw_dir(tmp_path / "raw", apart.out)
    made = built(tmp_path, "{source: official}", out="official", limit=12, raw_dir=raw)
    assert storage.read_json(made.out / "manifest.json")["benchmark"]["published"] is False
    assert "their contents have another hash" in (made.out / FOLDER / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_500_are_known_again(shared, tmp_path):
    made = built(tmp_path, "{source: official}", limit=12, raw_dir=shared / "data")
    told = storage.read_json(made.out / "manifest.json")["benchmark"]
    assert (told["size"], told["published"], told["digest"]) == (500, True, load_benchmark("k12").content)
    raw = as_raw_dir(tmp_path / "raw", made.out)
    copied = load_rows(load_benchmark("k12"), raw, ImageStore(tmp_path / "images"))
    assert hash_samples(list(copied)) == load_benchmark("k12").content
