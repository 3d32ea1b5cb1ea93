"""Every source of which real rows lie beside the checkout, in the layout of its download: counts, kinds, golds by hand.

Where the carrier of the rows changed their file, `place` puts them back into the publisher's; pictures that could not
be had are white stand-ins, since only text and golds are looked at. UniGeo's rows are in `test_tokenized_text.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mmk12.datasets.loader import locate_dataset, read_samples
from mmk12.datasets.registry import load_source
from mmk12.types import DroppedSample, RawSample
from mmk12.utils.images import decode
from mmk12.verifier import classify_gold
from tests.datasets.raw import blob, json_file, parquet_file, pickle_file

pytestmark = pytest.mark.shared


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def link(raw: Path, folder: str, target: Path) -> None:
    (raw / folder).parent.mkdir(parents=True, exist_ok=True)
    os.symlink(target, raw / folder)


def place_iconqa(data: Path, raw: Path) -> None:
    """The site's examples are folders of the archive's layout, without its first levels."""
    link(raw, "iconqa/train", data / "iconqa" / "examples")


def place_m3cot(data: Path, raw: Path) -> None:
    """The test split, called train; `rationale`, `image` and `split` were not carried."""
    own = {"rationale": "", "image": blob("white"), "split": "train"}
    rows = [row | own for row in lines(data / "m3cot" / "test_gpt4v_direct.jsonl")]
    parquet_file(
        raw / "m3cot" / "data" / "train-0.parquet", [{k: v for k, v in row.items() if k != "messages"} for row in rows]
    )


def place_infovqa(data: Path, raw: Path) -> None:
    """The validation split, called train; the carrier renamed three keys."""
    rows = [
        {
            "questionId": row["question_id"],
            "question": row["question"],
            "image_local_name": row["image"],
            "answers": row["answer"],
            "data_split": "train",
        }
        for row in lines(data / "infographicvqa" / "infographicvqa_val.jsonl")
    ]
    json_file(raw / "infovqa" / "infographicsVQA_train_v1.0.json", {"data": rows})


def place_unigeo(data: Path, raw: Path) -> None:
    """The test problems in the pickle's keys; options as text, since the conversion kept their values alone."""
    import numpy as np

    rows = [
        {
            "id": number,
            "English_problem": row["problem"].removeprefix("Calculation: "),
            "numbers": row["numbers"],
            "choices": ["none of these" if value is None else f"{value:g}" for value in row["choice_numbers"]],
            "label": row["label"],
            "image": np.full((30, 40), 255, np.uint8),
        }
        for number, row in enumerate(
            json.loads((data / "unigeo/gold/UniGeo_CAL_test.json").read_text("utf-8")).values()
        )
    ]
    pickle_file(raw / "unigeo" / "calculation_train.pk", rows)


def place_clevr_math(data: Path, raw: Path) -> None:
    """Questions of the CLEVR generator, whose file has the keys of CLEVR-Math; counts are the ones with a number."""
    path = data / "clevr" / "clevr-parser" / "1obj" / "questions" / "CLEVR_train_questions.json"
    json_file(raw / "clevr_math" / "clevr-math-train.json", json.loads(path.read_text("utf-8")))


def place_nothing(folder: str) -> Callable[[Path, Path], None]:
    return lambda data, raw: link(raw, folder, data / folder)


SOURCES: dict[str, Callable[[Path, Path], None]] = {
    "chartqa": place_nothing("chartqa"),
    "clevr_math": place_clevr_math,
    "geometry3k": place_nothing("geometry3k"),
    "iconqa": place_iconqa,
    "infovqa": place_infovqa,
    "m3cot": place_m3cot,
    "math": place_nothing("math"),
    "scienceqa": place_nothing("scienceqa"),
    "unigeo": place_unigeo,
}


class Expected(NamedTuple):
    """What the rows of a source become: rows read, drops by reason, golds by type, and golds that were read by hand."""

    read: int
    drops: dict[str, int]
    types: dict[str, int]
    golds: dict[str, str]


EXPECTED: dict[str, Expected] = {
    "chartqa": Expected(
        220,
        {"the answer is not a number": 46},
        {"number": 174},
        {
            "augmented/203": "$12$",
            "augmented/84": "$363$",
            "augmented/119": "$3.19$",
            "augmented/210": "$3.38$",
            "augmented/173": "$4.5$",
            "augmented/8": "$3$",
            "augmented/155": "$312.42$",
            "augmented/81": "$209.2$",
            "augmented/15": "$321.97$",
            "augmented/53": "$64.4$",
        },
    ),
    "clevr_math": Expected(30, {"the answer is not an integer": 30}, {}, {}),
    "geometry3k": Expected(
        10,
        {},
        {"number": 8, "numeric expression": 2},
        {
            "20": "$16$",
            "15": "$5 \\sqrt{3}$",
            "16": "$10$",
            "17": "$120$",
            "18": "$22$",
            "19": "$\\frac{2 \\sqrt{2}}{5}$",
            "11": "$80$",
            "12": "$13$",
            "14": "$48$",
            "13": "$9$",
        },
    ),
    "iconqa": Expected(
        100,
        {"the answer is not a number": 3},
        {"number": 59, "letter": 30, "ratio or time": 5, "equation": 3},
        {
            "choose_txt/595": "$3:00 P.M.$",
            "fill_in_blank/1425": "$4$",
            "choose_txt/782": "B",
            "fill_in_blank/1830": "$7$",
            "choose_txt/678": "A",
            "choose_txt/629": "C",
            "choose_txt/356": "A",
            "fill_in_blank/103": "$1$",
            "choose_txt/261": "B",
            "fill_in_blank/1376": "$57$",
        },
    ),
    "infovqa": Expected(
        2801,
        {"the answer is not a number": 1517, "the answers differ": 7},
        {"number": 759, "numeric expression": 518},
        {
            "98297": "$2$",
            "93896": "$85\\%$",
            "95151": "$3$",
            "97290": "$80$",
            "91285": "$42\\%$",
            "96561": "$57\\%$",
            "93861": "$2018$",
            "91649": "$2008$",
            "93064": "$50\\%$",
            "92488": "$69\\%$",
        },
    ),
    "m3cot": Expected(
        2318,
        {},
        {"letter": 2149, "number": 113, "number with unit": 56},
        {
            "biology-1290": "A",
            "physical-commonsense-61": "A",
            "geography-3194": "B",
            "social-commonsense-1671": "B",
            "economics-397": "$1$",
            "biology-7": "B",
            "social-commonsense-1527": "B",
            "mathematics-1098": "A",
            "mathematics-6": "D",
            "physical-commonsense-583": "C",
        },
    ),
    "math": Expected(
        1050,
        {},
        {
            "number": 792,
            "algebraic expression": 35,
            "tuple or interval": 44,
            "number with unit": 13,
            "numeric expression": 82,
            "equation": 3,
            "text": 11,
            "degrees": 23,
            "letter": 7,
            "several answers": 13,
            "ratio or time": 2,
            "matrix": 25,
        },
        {
            "intermediate_algebra/140": "$869$",
            "number_theory/249": "$10001_2$",
            "algebra/92": "$\\frac12$",
            "precalculus/92": "$\\begin{pmatrix} 7 \\\\ -13 \\end{pmatrix}$",
            "intermediate_algebra/116": "$23$",
            "algebra/186": "$15$",
            "geometry/36": "$6\\pi$",
            "counting_and_probability/145": "$\\frac{7}{15}$",
            "prealgebra/15": "$20$",
            "precalculus/108": "$(4,-2,3)$",
        },
    ),
    "scienceqa": Expected(
        1041,
        {"no image": 520},
        {"letter": 516, "number": 5},
        {
            "948": "A",
            "1292": "A",
            "129": "B",
            "1614": "A",
            "906": "D",
            "219": "B",
            "551": "B",
            "407": "D",
            "1344": "B",
            "1627": "A",
        },
    ),
    "unigeo": Expected(
        754,
        {"a fraction without its braces": 7, "a placeholder without its number": 2, "options are empty or repeated": 4},
        {"number": 730, "letter": 11},
        {
            "649": "$13$",
            "262": "$130$",
            "375": "$3$",
            "720": "$75$",
            "679": "$2.4$",
            "554": "$2$",
            "29": "$115$",
            "485": "$4$",
            "256": "$125$",
            "676": "$0.8$",
        },
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_real_rows_become_questions_with_their_golds(shared, tmp_path, name):
    SOURCES[name](shared / "data", tmp_path)
    source, expected = load_source(name), EXPECTED[name]
    files = locate_dataset(source, tmp_path)
    found = list(read_samples(source, files))
    kept = [row for row in found if isinstance(row, RawSample)]
    drops = Counter(row.reason for row in found if isinstance(row, DroppedSample))
    assert (len(found), dict(drops)) == (expected.read, expected.drops)
    assert len({row.id for row in kept}) == len(kept)
    assert Counter(classify_gold(row.gold).type for row in kept) == expected.types
    golds = {row.id: row.gold.text for row in kept}
    assert {row: golds.get(row) for row in expected.golds} == expected.golds
    assert not [row.id for row in kept if re.search(r"\bN_\d", row.question)]
    if name in ("chartqa", "geometry3k", "iconqa"):  # whose pictures are there, too
        assert all(decode(files.image(image)) for row in kept[:2] for image in row.images)
