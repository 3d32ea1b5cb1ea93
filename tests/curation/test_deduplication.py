"""One of several copies stays: the first. Questions that differ in a number, the answer or the figure all stay."""

import pytest

from mmk12.curation import deduplication, image_fingerprints
from mmk12.curation.deduplication import duplicates, find_near_duplicates
from mmk12.curation.similarity import ItemBuilder
from mmk12.curation.stage_cache import StageOutput, save_outputs
from mmk12.types import DroppedSample, Gold, Sample
from mmk12.utils.images import ImageStore
from tests.curation.copies import compressed, drawn, encoded, item

TEXT = "As shown in the figure, two sides of the triangle are 5 and 12 long; find the third one, please."
WHITE = drawn().point(lambda level: 255)


@pytest.fixture
def run(tmp_path):
    """The stage on (id, question, gold, pictures)."""

    def runner(*rows):
        with image_fingerprints.write_fingerprints(tmp_path / "0.fingerprints") as prints:
            store = ImageStore(tmp_path / "images", watch=prints)
            samples = [
                Sample(f"toy/{name}", "toy", question, tuple(store.add(encoded(one)) for one in pictures), Gold(gold))
                for name, question, gold, pictures in rows
            ]
        save_outputs(tmp_path / "in.jsonl", "key", samples)
        outcomes = list(duplicates(StageOutput(tmp_path / "in.jsonl"), build_item=ItemBuilder(tmp_path)))
        assert [outcome.id for outcome in outcomes] == [sample.id for sample in samples]
        return {one.id[4:]: (one.reason, one.evidence) for one in outcomes if isinstance(one, DroppedSample)}

    return runner


def test_equal_copies_have_equal_text_and_equal_pictures(run):
    found = run(
        ("1", "Find  x", "$4$", [drawn()]),
        ("2", "Find x", "$4$", [drawn()]),
        ("3", "Find x", "$4$", [drawn(shift=30)]),
        ("4", "Find y, the other side", "$4$", [drawn()]),
        ("5", "Find x", "$4$", []),
        ("6", "Find\nx", "$5$", []),
    )
    assert found == {"2": ("duplicate", "toy/1"), "6": ("duplicate with another gold", "toy/5")}


def test_near_copies_have_near_words_and_near_pictures(run):
    found = run(
        ("1", TEXT, "$13$", [drawn()]),
        ("scaled", TEXT, "13", [drawn().resize((330, 225))]),
        ("compressed", TEXT, "$13$", [compressed(drawn(), 60)]),
        ("reworded", TEXT.replace(", please", ""), "$13$", [drawn()]),
        ("number", TEXT.replace("12", "9"), "$13$", [drawn()]),
        ("answer", TEXT.replace("please", "now"), "$14$", [drawn()]),
        ("figure", TEXT, "$13$", [drawn(shift=30)]),
        ("label", TEXT, "$13$", [drawn("8")]),
        ("question", "How long is the median of this triangle with the sides 5 and 12?", "$13$", [drawn()]),
        ("two", TEXT, "$13$", [drawn(), drawn(shift=30)]),
        ("none", TEXT, "$13$", []),
    )
    assert {name: reason for name, (reason, _) in found.items()} == dict.fromkeys(
        ("scaled", "compressed", "reworded"), "near duplicate"
    )
    assert found["reworded"][1].startswith("toy/1 (text 0.9")
    assert all("image" in evidence for _, evidence in found.values())


def test_other_words_about_an_equal_picture_are_another_question(run):
    def about(what):
        return f"Look at the chart of all towns in the valley. Which town has the largest {what} of the year 1990?"

    found = run(
        ("1", about("share"), "$13$", [drawn()]),
        ("word", about("output"), "$13$", [drawn()]),
        ("article", about("share").replace("the chart", "a chart"), "$13$", [drawn()]),
        ("encoded again", about("share"), "$13$", [compressed(drawn(), 60)]),
        ("none", about("share"), "$13$", []),
        ("colours", "Remove all red cubes. How many objects are left?", "$4$", [drawn("4")]),
        ("other colours", "Remove all blue cubes. How many objects are left?", "$4$", [drawn("4")]),
    )
    assert set(found) == {"article", "encoded again"}


def test_words_alone_are_near_too_and_white_pictures_are_none(run):
    found = run(
        ("1", TEXT, "$13$", []),
        ("2", TEXT.replace("please", "now"), "$13$", [WHITE]),
        ("3", TEXT.replace("please", "now"), "$13$", [drawn()]),
    )
    assert list(found) == ["2"]


def test_the_twin_is_one_that_stays(run):
    words = TEXT.split()
    chain = [(str(n), " ".join([*words[: len(words) - 2 * n], *["yes"] * 2 * n]), "$13$", []) for n in range(4)]
    found = run(*chain)
    assert found["1"][1].startswith("toy/0 ")
    twins = {evidence.split()[0][4:] for _, evidence in found.values()}
    assert twins.isdisjoint(found)


def test_a_block_of_any_size_keeps_one_of_each():
    items = [item(str(n), TEXT, [drawn("3" if n % 2 else "88")]) for n in range(300)]
    found = find_near_duplicates(items)
    assert {number: twin.number for number, twin in found.items()} == {n: n % 2 for n in range(2, 300)}


def test_rows_are_compared_part_by_part(run, monkeypatch):
    """The same copies are found when one block at a time is in memory."""
    rows = [(str(n), TEXT.replace("12", str(n % 7)), f"${n % 3}$", [drawn(str(n % 5))]) for n in range(60)]
    whole = run(*rows)
    monkeypatch.setattr(deduplication, "_PART", 1)
    assert run(*rows) == whole
    assert whole


def test_thousands_of_questions_about_one_picture_find_their_copies():
    """More of them than the figures that are compared in detail; work is that of the rows, not of their pairs."""
    towns = [f"town{number // 26}{chr(97 + number % 26)} of the north" for number in range(400)]
    items = [item(str(n), f"How far is it from here to {town} by the road?", [drawn()]) for n, town in enumerate(towns)]
    again = [
        item(f"{n} again", f"How far is it from here to {town} by a road?", [drawn()]) for n, town in enumerate(towns)
    ]
    found = find_near_duplicates([*items, *again])
    assert {number: twin.number for number, twin in found.items()} == {400 + n: n for n in range(400)}
