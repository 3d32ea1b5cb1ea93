"""From upstream rows to questions and golds: options, marks, pictures, and the faults of the releases."""

import pytest

from mmk12.datasets.files import Files
from mmk12.datasets.options import find_options, letter_options
from mmk12.datasets.registry import load_benchmark
from mmk12.types import Gold
from tests.benchmarks.rows import documented


def draft(name, **changes):
    return load_benchmark(name).draft({**documented(name), **changes})


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which?\nChoices:\nA:1\nB:2\nC:3", ("1", "2", "3")),
        ("Which?\nChoice:\nA. True\nB. False", ("True", "False")),
        ("Which?\n(A) $x$\n(B) $y$", ("$x$", "$y$")),
        ("Which?\nA、一\nB、二", ("一", "二")),
        ("Which?\nA. 1\nB.\nC. 3", ("1", "", "3")),
        ("Angle A: 40°\nA: 40°, B: 50°", ()),
        ("A: given\nB: asked\nThen\nA. 1\nB. 2\nC. 3\n102", ("1", "2", "3")),
        ("Which?\nA. 1\nC. 3", ()),
        ("no options", ()),
        ("", ()),
    ],
)
def test_options_are_read_from_the_last_block_of_lines(question, options):
    assert find_options(question) == options


def test_options_are_put_in_lines():
    assert letter_options(["2", "3"]) == "(A) 2\n(B) 3\n"
    assert letter_options([]) == ""


@pytest.mark.parametrize(
    ("answer_type", "precision", "hint"),
    [
        ("integer", None, "requiring an integer answer and provide the final value, e.g., 1, 2, 3, at the end."),
        ("float", 1.0, "with one decimal place and provide the final value, e.g., 1.2, 1.3, 1.4, at the end."),
        ("float", 2, "with two decimal places and provide the final value, e.g., 1.23, 1.34, 1.45, at the end."),
        ("list", None, "a Python list as an answer and provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4], at"),
    ],
)
def test_mathvista_hints(answer_type, precision, hint):
    found = draft("mathvista", answer_type=answer_type, precision=precision)
    assert hint in found.question.split("\n")[0]
    assert found.gold.precision == precision
    assert found.gold.kind == ("math" if answer_type == "list" else "number")


def test_mathvista_without_published_answers():
    for answer_type in ("integer", "list"):
        assert draft("mathvista", answer="", answer_type=answer_type, precision=None).gold.text == ""


def test_mathvista_options_and_labels():
    found = draft("mathvista", choices=["9", "18"], answer="18", answer_type="text", precision=None, unit=None)
    assert found.question.startswith(
        "Hint: Please answer the question and provide the correct option letter, e.g., A, B"
    )
    assert found.question.endswith("\nChoices:\n(A) 9\n(B) 18")
    assert found.gold == Gold("18", "choice", ("9", "18"))
    letters = draft("mathvista", choices=["(b)", "(a)"], answer="(a)", answer_type="text", precision=None)
    assert letters.gold == Gold("B", "choice", ("(b)", "(a)"), released="(a)")
    assert found.tags["skills"] == ("statistical reasoning", "numeric commonsense")


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("How many?\n<image1>", "How many?"),
        ("<image1>\nHow many?", "How many?"),
        ("<image1> Which is opposite to <image2>?", "image 1 Which is opposite to image 2?"),
        ("<image1> twice <image1>", "image 1 twice image 1"),
        ("no tag", "no tag"),
    ],
)
def test_mathvision_tags_of_one_picture(question, shown):
    found = draft("mathvision", question=question, options=[])
    assert found.question == shown
    assert len(found.images) == 1


def test_mathvision_letters_are_no_options_to_show():
    assert "(A)" not in draft("mathvision", options=list("ABCDE")).question
    assert draft("mathvision", options=list("ABCDE")).gold == Gold("B", "choice", tuple("ABCDE"))
    pictures = draft("mathvision", options=[f"<image{n}>" for n in range(2, 7)])
    assert "(E) image 6" in pictures.question


def test_mathvision_faulty_golds_are_mended_and_the_release_is_kept():
    assert draft("mathvision", id="2830", options=[], answer="\x0crac{36}{13}").gold == Gold(
        "\\frac{36}{13}", released="\x0crac{36}{13}"
    )
    assert draft("mathvision", id="59", options=[], answer="C").gold == Gold("C", "choice")
    corrected = draft("mathvision", id="338", options=list("ABCDE"), answer="B").gold
    assert corrected == Gold("D", "choice", tuple("ABCDE"), released="B")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("Area $=9 \\pi \\mathrm{cm}^{2}$", "$9 \\pi \\mathrm{cm}^{2}$"),
        ("Total S.A. $=3222.80 \\mathrm{~mm}^{2}$", "$3222.80 \\mathrm{~mm}^{2}$"),
        ("118掳T", "118^{\\circ} (or 118^{\\circ} T)"),
        ("217 ^\\circ T", "217^{\\circ} (or 217^{\\circ} T)"),
        ("35掳", "35°"),
        ("$y = 2x$", "$y = 2x$"),
    ],
)
def test_mathverse_golds_as_they_are_read(answer, text):
    found = draft("mathverse", question_type="free-form", answer=answer).gold
    assert (found.text, found.released) == (text, answer if text != answer else None)


@pytest.mark.parametrize(
    ("answer", "precision"),
    [("Area $=9.40 \\mathrm{~cm}^{2}$", 2), ("12.4 m", 1), ("14", None), ("0.75 x^2", None), ("$9 \\pi$", None)],
)
def test_mathverse_golds_with_decimals_are_rounded_values(answer, precision):
    assert draft("mathverse", question_type="free-form", answer=answer).gold.precision == precision


def test_mathverse_choices():
    assert draft("mathverse").gold == Gold("C", "choice", ("40°", "50°", "140°"))
    assert draft("mathverse", answer="C\nD").gold == Gold("C, D", "list", released="C\nD")
    assert draft("mathverse", question="", question_for_eval="Which?\nA:1\nB:2").gold.choices == ("1", "2")


def test_mathverse_pictures_and_problems():
    assert draft("mathverse").images == ["data/images/images_version_1-4/image_2.png"]
    assert draft("mathverse", image={"bytes": b"PNG", "path": None}).images == [b"PNG"]
    assert draft("mathverse", image="").images == []
    assert draft("mathverse").cluster == "2"


def olympiad(**changes):
    hub = {f"image_{n}": None for n in range(1, 6)}
    return draft("olympiadbench", **{**hub, **changes})


def held(name):
    return {"bytes": name, "path": None}


@pytest.mark.parametrize(
    ("changes", "question", "images"),
    [
        ({"question": "See <image_1>.", "image_1": held(b"1")}, "See <image>.", [b"1"]),
        (
            {"question": "<image_2> and <image_1>", "image_1": held(b"1"), "image_2": held(b"2")},
            "<image> and <image>",
            [b"2", b"1"],
        ),
        ({"question": "<image_1>, again <image_1>", "image_1": held(b"1")}, "<image>, again <image>", [b"1", b"1"]),
        (
            {"question": "<image_1>.", "image_1": held(b"1"), "image_3": held(b"3")},
            "<image>.<image>",
            [b"1", b"3"],
        ),
        ({"question": "No call.", "image_1": held(b"1")}, "No call.", [b"1"]),
        ({"question": "<img_42>", "image_1": None}, "<image>", ["images/img_42.jpg"]),
        ({"question": "Why?", "context": "Given."}, "Given.\nWhy?", []),
    ],
)
def test_olympiadbench_pictures(changes, question, images):
    found = olympiad(**changes)
    assert (found.question, found.images) == (question, images)


def test_a_call_for_a_picture_that_is_not_there_is_a_malformed_row():
    with pytest.raises(KeyError):
        olympiad(question="<image_1> <image_2>", image_1=held(b"1"))


@pytest.mark.parametrize(
    ("changes", "gold"),
    [
        ({"final_answer": ["$69$,$84$"]}, Gold("$69$,$84$", "list")),
        ({"final_answer": ["4.2"], "is_multiple_answer": False, "error": "1e-1"}, Gold("4.2", tolerance=0.1)),
        ({"final_answer": ["1,2"], "error": "1e-1,,1e-3"}, Gold("1,2", "list", tolerance=0.001)),
        ({"final_answer": ["(2,4)"], "answer_type": "Tuple", "error": "1e-1"}, Gold("(2,4)", "list")),
        (
            {"final_answer": ["30"], "is_multiple_answer": False, "unit": "$\\%$"},
            Gold("30 %", unit="$\\%$", released="30"),
        ),
        ({"final_answer": ["50"], "is_multiple_answer": False, "unit": "km"}, Gold("50", unit="km")),
    ],
)
def test_olympiadbench_golds(changes, gold):
    assert olympiad(**changes).gold == gold


def test_olympiadbench_is_read_in_both_published_layouts(tmp_path):
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {**documented("olympiadbench"), "image_1": None}
    config = "OE_TO_maths_en_COMP"
    (tmp_path / "a" / config).mkdir(parents=True)
    (tmp_path / "a" / config / "test.json").write_text(json.dumps([row]))
    (tmp_path / "b" / "OlympiadBench" / config).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "b" / "OlympiadBench" / config / f"{config}.parquet")
    (tmp_path / "c" / "data").mkdir(parents=True)
    (tmp_path / "c" / "data" / f"{config}.json").write_text(json.dumps([row]))
    declared = load_benchmark(f"olympiadbench:{config}")
    for folder in "abc":
        (read,) = declared.rows(Files(tmp_path / folder))
        assert declared.draft(read).id == "7"


HUB_ROWS = {
    "k12": {"image": held(b"PNG")},
    "mathvista": {"decoded_image": held(b"PNG")},
    "mathvision": {"decoded_image": held(b"PNG")},
    "mathverse": {"image": held(b"PNG")},
    "olympiadbench": {"question": "<image_1>", "image_1": held(b"PNG")},
    "mmk12_test": {"image": held(b"PNG")},
}


@pytest.mark.parametrize("name", HUB_ROWS)
def test_rows_of_the_hub_bring_their_pictures(name, monkeypatch):
    asked = []
    monkeypatch.setattr(Files, "hub", lambda self, hub: asked.append(hub) or [{**documented(name), **HUB_ROWS[name]}])
    declared = load_benchmark(name)
    (row,) = declared.rows(Files(None))
    assert declared.draft(row).images == [b"PNG"]
    assert asked == [declared.hub]


def test_variants_ask_the_hub_for_their_own_split(monkeypatch):
    asked = []
    monkeypatch.setattr(Files, "hub", lambda self, hub: asked.append((hub.config, hub.split)) or [])
    for ref in ("mathvista:test", "mathvision:testmini", "mathverse:text_only", "olympiadbench:OE_MM_maths_zh_COMP"):
        list(load_benchmark(ref).rows(Files(None)))
    assert asked == [
        (None, "test"),
        (None, "testmini"),
        ("testmini_text_only", "testmini_text_only"),
        ("OE_MM_maths_zh_COMP", "train"),
    ]
