"""Every real row that lies beside the checkout becomes an item, put as its publisher puts it."""

import json
import re
from collections import Counter
from itertools import islice

import pytest

from mmk12.datasets.files import Files
from mmk12.datasets.registry import load_benchmark
from mmk12.evaluation.official import find_rule
from mmk12.types import IMAGE_MARK, DroppedSample
from mmk12.utils.images import ImageStore
from mmk12.verifier import classify_gold
from tests.conftest import load_rows

pytestmark = pytest.mark.shared


def drafts(shared, ref, folder):
    declared = load_benchmark(ref)
    return [declared.draft(row) for row in declared.rows(Files(shared / "data" / folder))]


@pytest.mark.parametrize(
    ("ref", "folder", "rows", "ungradable"),
    [
        ("mathvista", "mathvista", 1000, 0),
        ("mathvision", "mathvision", 3040, 1),
        ("mathvision:testmini", "mathvision", 304, 0),
        ("mathverse:text_only", "mathverse", 788, 9),
        ("olympiadbench:OE_TO_maths_en_COMP", "olympiadbench", 675, 7),
        ("wemath", "wemath", 1740, 0),
        ("dynamath", "dynamath", 5010, 0),
        ("logicvista", "logicvista", 448, 1),
    ],
)
def test_all_rows_are_read_and_nearly_all_golds_can_be_graded(shared, ref, folder, rows, ungradable):
    found = drafts(shared, ref, folder)
    assert len(found) == len({draft.id for draft in found}) == rows
    assert sum(not draft.gold.choices and not classify_gold(draft.gold).usable for draft in found) <= ungradable


def test_mathvista_questions_are_upstreams_queries(shared):
    queries = json.loads((shared / "data" / "mathvista" / "data" / "query.json").read_text("utf-8"))
    for draft in drafts(shared, "mathvista", "mathvista"):
        assert draft.question == queries[draft.id]


def test_mathvision_shows_one_picture_in_front(shared, tmp_path):
    for draft in drafts(shared, "mathvision", "mathvision"):
        assert len(draft.images) == 1
        assert IMAGE_MARK not in draft.question
        assert "<image" not in draft.question
    benchmark = load_benchmark("mathvision:testmini")
    samples = list(islice(load_rows(benchmark, shared / "data", ImageStore(tmp_path)), 20))
    assert not any(isinstance(sample, DroppedSample) for sample in samples)


def test_pictures_that_are_not_there_are_named(shared, tmp_path):
    found = list(load_rows(load_benchmark("mathvista"), shared / "data", ImageStore(tmp_path)))
    assert [sample.reason for sample in found if isinstance(sample, DroppedSample)] == ["unusable image"] * 1000
    assert found[0].evidence.startswith("images/")


def test_mathverse_options_are_found_in_nearly_all_choices(shared):
    choices = [draft for draft in drafts(shared, "mathverse:text_only", "mathverse") if draft.gold.kind == "choice"]
    assert len(choices) == 434
    assert sum(not draft.gold.choices for draft in choices) == 0


def test_every_gold_of_wemath_names_one_of_its_options(shared):
    found = drafts(shared, "wemath", "wemath")
    assert all(ord(draft.gold.text) - ord("A") < len(draft.gold.choices) <= 7 for draft in found)
    assert all(all(draft.gold.choices) for draft in found)
    assert len({draft.cluster for draft in found}) == 525


def test_every_seed_of_dynamath_has_ten_variants_and_its_options(shared):
    found = drafts(shared, "dynamath", "dynamath")
    assert set(Counter(draft.cluster for draft in found).values()) == {10}
    choices = [draft for draft in found if draft.gold.kind == "choice"]
    assert all(ord(draft.gold.text) - ord("A") < len(draft.gold.choices) for draft in choices)


@pytest.mark.parametrize(("ref", "file"), [("mmmu_pro", "standard(10 options)"), ("mmmu_pro:vision", "vision")])
def test_mmmu_pro_rows_and_its_official_rule_on_the_published_responses(shared, ref, file):
    lines = (shared / "data" / "mmmu_pro" / f"gpt-4o_{file}_direct.jsonl").read_text("utf-8").splitlines()
    declared = load_benchmark(ref)
    agreed = {"mmmu_pro": 0, "mmmu_pro_raw": 0}
    for row in map(json.loads, lines):
        held = {f"image_{number}": {"bytes": b"PNG", "path": None} for number in range(1, 8)}
        draft = declared.draft({**row, **held, "image": held["image_1"]})
        assert draft.gold.text <= chr(ord("A") + len(draft.gold.choices) - 1)
        assert not re.search(r"<image \d", draft.question + "".join(draft.gold.choices))
        response = row["response"] if isinstance(row["response"], str) else ""
        for rule in agreed:
            agreed[rule] += find_rule(rule)(response, draft.gold) == row["if_right"]
    assert len(lines) == 1730
    # What is left: upstream drew an option at random, and it was right.
    assert min(agreed.values()) >= 1720
