"""From upstream rows to questions and golds: options, marks, pictures, and the faults of the releases."""

import re

import pytest

from mmk12.datasets.files import Files
from mmk12.datasets.image_tags import place_images
from mmk12.datasets.options import find_inline_options, find_options, letter_options
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
        (
            "Which?\n" + "\n".join(f"{letter}. {letter}x" for letter in "ABCDEFGHIJ"),
            tuple(f"{c}x" for c in "ABCDEFGHIJ"),
        ),
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
    "wemath": {"image_path": held(b"PNG")},
    "logicvista": {"image": held(b"PNG")},
    "mmmu_pro": {"image_1": held(b"PNG")},
}


@pytest.mark.parametrize("name", HUB_ROWS)
def test_rows_of_the_hub_bring_their_pictures(name, monkeypatch):
    asked = []
    monkeypatch.setattr(Files, "hub", lambda self, hub: asked.append(hub) or [{**documented(name), **HUB_ROWS[name]}])
    declared = load_benchmark(name)
    (row,) = declared.rows(Files(None))
    assert declared.draft(row).images == [b"PNG"]
    assert asked == [declared.hub]


def test_benchmarks_of_several_splits_or_configurations_ask_for_each(monkeypatch):
    asked = []
    monkeypatch.setattr(Files, "hub", lambda self, hub: asked.append(hub) or [documented("emma")])
    assert len(list(load_benchmark("emma").rows(Files(None)))) == 4
    assert len(list(load_benchmark("dynamath").rows(Files(None)))) == 10
    assert [hub.config for hub in asked[:4]] == ["Math", "Physics", "Chemistry", "Coding"]
    assert [hub.split for hub in asked[4:]] == [f"sample_variant{n}" for n in range(1, 11)]


def test_variants_ask_the_hub_for_their_own_split(monkeypatch):
    asked = []
    monkeypatch.setattr(Files, "hub", lambda self, hub: asked.append((hub.config, hub.split)) or [])
    for ref in (
        "mathvista:test",
        "mathvision:testmini",
        "mathverse:text_only",
        "olympiadbench:OE_MM_maths_zh_COMP",
        "mathverse:vision_only",
        "mmmu_pro:standard_4",
        "mmmu_pro:vision",
    ):
        list(load_benchmark(ref).rows(Files(None)))
    assert asked == [
        (None, "test"),
        (None, "testmini"),
        ("testmini_text_only", "testmini_text_only"),
        ("OE_MM_maths_zh_COMP", "train"),
        ("testmini", "testmini"),
        ("standard (4 options)", "test"),
        ("vision", "test"),
    ]


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Is it even? Choices: (A) yes (B) no", ("yes", "no")),
        ("Is it even? choice: (A) yes, (B) no, (C) both\n", ("yes", "no", "both")),
        ("Which point (A) is marked?", ()),
        ("The point (B) of (A) x (B) y", ("x", "y")),
        ("", ()),
    ],
)
def test_options_in_a_sentence(question, options):
    assert find_inline_options(question) == options


TAG = re.compile(r"<image (\d)>")


@pytest.mark.parametrize(
    ("text", "pictures", "marked", "order"),
    [
        ("See <image 1>.", "1", "See <image>.", "1"),
        ("<image 2> and <image 1>", "12", "<image> and <image>", "21"),
        ("<image 1>, again <image 1>", "1", "<image>, again image 1", "1"),
        ("<image 1>.", "12", "<image>.<image>", "12"),
        ("No tag.", "12", "No tag.", "12"),
        ("Nothing.", "", "Nothing.", ""),
    ],
)
def test_pictures_stand_where_the_text_names_them(text, pictures, marked, order):
    assert place_images(text, TAG, {number: number.encode() for number in pictures}) == (
        marked,
        [number.encode() for number in order],
    )


def test_a_tag_without_a_picture_is_a_malformed_row():
    with pytest.raises(KeyError):
        place_images("<image 1> <image 2>", TAG, {"1": b"1"})


@pytest.mark.parametrize(
    ("option", "choices", "shown"),
    [
        ("A. 1 m;B. 2 m; C. None", ("1 m", "2 m", "None"), "A. 1 m\nB. 2 m\nC. None"),
        ("A. 1; 3;B. 2; 3", ("1; 3", "2; 3"), "A. 1; 3\nB. 2; 3"),
        ("A. 30° B. 60° ;C. 90°", ("30°", "60°", "90°"), "A. 30°\nB. 60°\nC. 90°"),
        ("A. round ;B.; B. round ;C.", ("round ;B.", "round ;C."), "A. round ;B.\nB. round ;C."),
        ("A. yes;B. no; F. None", ("yes", "no"), "A. yes\nB. no\nF. None"),
    ],
)
def test_wemath_options_are_split_at_their_labels(option, choices, shown):
    found = draft("wemath", option=option, answer="A")
    assert found.gold == Gold("A", "choice", choices)
    assert found.question.partition("\n")[2] == shown


def test_wemath_items_of_one_problem():
    composite, step = draft("wemath"), draft("wemath", key="2steps_1", **{"knowledge concept": "Area of Squares"})
    assert (composite.id, step.id, composite.cluster) == ("2steps_7_multi", "2steps_7_1", "2steps_7")
    assert (composite.tags["steps"], step.tags["steps"]) == ("2 steps", "1 step")
    assert (composite.tags["concept"], step.tags["concept"]) == ((), ("Area of Squares",))


@pytest.mark.parametrize(
    ("changes", "gold"),
    [
        ({}, Gold("2.0944", "number", tolerance=0.001)),
        ({"answer_type": "int", "ground_truth": "-5.700000001"}, Gold("-5.700000001", "number", tolerance=0.001)),
        ({"answer_type": "text", "ground_truth": "May"}, Gold("May")),
        (
            {"answer_type": "multiple choice", "ground_truth": "B", "question": "Even? (A) yes (B) no"},
            Gold("B", "choice", ("yes", "no")),
        ),
    ],
)
def test_dynamath_golds(changes, gold):
    found = draft("dynamath", **changes)
    assert found.gold == gold
    assert ("floating-point" in found.question) is (not changes)


def test_dynamath_variants_of_one_seed():
    found = draft("dynamath", subject="analytic     geometry")
    assert (found.id, found.cluster, found.tags["subject"]) == ("7-3", "7", "analytic geometry")


def test_dynamath_reads_the_layouts_of_the_hub_and_of_its_generator(tmp_path):
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {name: value for name, value in documented("dynamath").items() if name not in ("variant", "image")}
    trial = {"question": "How many?", "answer": "3", "image": "image/image1.png", "answer_type": "float"}
    trial |= {"subject": "statistics", "level": "high school"}
    (tmp_path / "a" / "data").mkdir(parents=True)
    for number in range(1, 11):
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / f"a/data/sample_variant{number}-00000-of-00001.parquet")
        (tmp_path / f"b/trial{number}").mkdir(parents=True)
        (tmp_path / f"b/trial{number}/dataset.json").write_text(json.dumps({"1": trial}))
    declared = load_benchmark("dynamath")
    for folder, first in (("a", "7-1"), ("b", "1-1")):
        drafts = [declared.draft(one) for one in declared.rows(Files(tmp_path / folder))]
        assert [one.tags["variant"] for one in drafts] == [str(n) for n in range(1, 11)]
        assert drafts[0].id == first
    assert drafts[0].images == ["trial1/image/image1.png"]


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("C", Gold("C", "choice")), ("B, D", Gold("B, D", "list")), ("3", Gold("3", "number")), ("", Gold("", "choice"))],
)
def test_logicvista_golds(answer, gold):
    assert draft("logicvista", answer=answer).gold == gold
    assert draft("logicvista", question="").question == "Answer the question in the image."


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("['a', \"it's\"]", ("a", "it's")),
        ("[['A', 'B', 'neither']]", ("A", "B", "neither")),
        ("[]", ()),
    ],
)
def test_mmmu_pro_options_are_literals(source, options):
    assert draft("mmmu_pro", options=source).gold.choices == options


@pytest.mark.parametrize("source", ["__import__('os')", "[1, 2]", "'a'", "[" * 100_000, "a, b", ""])
def test_mmmu_pro_options_that_are_no_list_of_texts_are_a_malformed_row(source):
    with pytest.raises(ValueError, match="options"):
        draft("mmmu_pro", options=source)


def test_mmmu_pro_pictures_of_options_stand_beside_their_letters():
    found = draft(
        "mmmu_pro", options="['<image 3>', '<image 2>']", **{f"image_{n}": held(b"%d" % n) for n in (1, 2, 3)}
    )
    assert found.question.endswith("A. <image>\nB. <image>")
    assert found.images == [b"1", b"3", b"2"]
    assert found.gold.choices == ("image 3", "image 2")
    assert found.tags["domain"] == "Art and Design"


def test_mmmu_pro_vision_has_everything_in_the_picture():
    row = {name: documented("mmmu_pro")[name] for name in ("id", "options", "answer", "subject")}
    found = load_benchmark("mmmu_pro:vision").draft({**row, "image": held(b"PNG")})
    assert found.question == "Write out the multiple-choice question in the image and then solve it."
    assert (found.images, found.gold.choices[1]) == ([b"PNG"], "Fauvism")


def test_emma_choices_and_free_answers():
    found = draft("emma", context="Given a row.")
    assert found.question == "Given a row.\nWhich shape continues <image>?\nA: <image>\nB: <image>"
    assert found.gold == Gold("B", "choice", ("image 2", "image 3"))
    free = draft("emma", options=[], type="Open-ended", answer="3/4", question="How much?")
    assert (free.gold, free.question) == (Gold("3/4"), "How much?")
    assert free.tags["task"] == "none"


def test_mathverse_vision_only_is_one_version_of_testmini(tmp_path):
    import json

    (tmp_path / "data").mkdir()
    rows = [{**documented("mathverse"), "problem_version": version} for version in ("Text Lite", "Vision Only")]
    (tmp_path / "data" / "testmini.json").write_text(json.dumps(rows))
    found = list(load_benchmark("mathverse:vision_only").rows(Files(tmp_path)))
    assert [row["problem_version"] for row in found] == ["Vision Only"]
