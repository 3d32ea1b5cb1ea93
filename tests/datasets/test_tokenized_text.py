"""Questions that were published as tokens read like questions again, with their numbers in them."""

import json
import re

import pytest

from mmk12.datasets.declarations import SkipRow
from mmk12.datasets.sources._tokenized_text import restore_english, restore_numbers
from tests.conftest import SHARED


@pytest.mark.parametrize(
    ("tokens", "numbers", "text"),
    [
        ("angle A = N_0 , A B = N_1 .", [80.0, 6.5], "angle A = 80, AB = 6.5."),
        (r"A B : C D = \frac{N_0}{N_1} , B ′ C = N_2", [1.0, 3.0, 12], r"AB: CD = \frac{1}{3}, B′C = 12"),
        ("lines a and b , A B / / C D at ( N_0 , m )", [2.0], "lines a and b, AB // CD at (2, m)"),
        ("s i n B of Rt triangle A B C is ()", [], "sin B of Rt triangle ABC is ()"),
        (r"\frac { A B } { C D } = ()", [], r"\frac{AB}{CD}= ()"),
        ("straight line lN_0 , N_1 cm , N_10", list(range(11)), "straight line l0, 1 cm, 10"),
        ("A B 's length", [], "AB's length"),
    ],
)
def test_restores_numbers_points_and_marks(tokens, numbers, text):
    assert restore_english(tokens, numbers) == text


@pytest.mark.parametrize(("text", "numbers"), [("angle A = N_1", [80.0]), ("N_0", []), ("N_999", [1.0])])
def test_a_placeholder_without_its_number_is_told(text, numbers):
    with pytest.raises(SkipRow, match="a placeholder without its number"):
        restore_numbers(text, numbers)


@pytest.mark.shared
def test_real_rows_say_what_a_translation_of_the_same_problems_says():
    """The 754 test problems of UniGeo against those of Geo170K, whose text was never tokenized; blanks aside."""
    rows = json.loads((SHARED / "data/unigeo/gold/UniGeo_CAL_test.json").read_text("utf-8")).values()
    lines = (SHARED / "data/geoqa/r1v/geoqa_test_prompts.jsonl").read_text("utf-8").splitlines()

    def plain(text: str) -> str:
        return re.sub(r"[\s\u200b\\]|Calculation:", "", text)

    same, dropped = 0, []
    for row, line in zip(rows, lines, strict=True):
        try:
            text = restore_english(row["problem"], row["numbers"])
        except SkipRow as skip:
            dropped.append(skip.reason)
            continue
        same += plain(text) == plain(re.sub(r"(\d)\.0\b", r"\1", json.loads(line)["question"]))
    assert (same, len(dropped)) == (745, 9)
    assert dropped.count("a placeholder without its number") == 2
