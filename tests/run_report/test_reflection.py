"""Reflections are found in their context, in both languages, in linear time, and compared within prompts."""

import json
import random
import re

import pandas as pd
import pytest

from mmk12.errors import MissingData
from mmk12.run_report.reflection import KINDS, find_reflections, scan_run
from mmk12.run_report.reflection import scan as scanning
from mmk12.run_report.reflection.patterns import PATTERNS
from mmk12.run_report.reflection.reflection_page import relate_to_accuracy, write_report
from mmk12.run_report.reflection.scan import choose_examples
from tests.growth import assert_cheap
from tests.training_runs import CHINESE, PHRASES, make_training_run

SAYS = [
    ("Let me look at the figure again to be sure.", "re-perception"),
    ("Looking back at the diagram, AB is the longer side.", "re-perception"),
    ("I will re-examine the given image.", "re-perception"),
    ("Taking a closer look at the chart shows 12.", "re-perception"),
    ("让我重新看一下图。", "re-perception"),
    ("再仔细观察图形，发现角是直角。", "re-perception"),
    ("Let's double-check: 3 + 4 = 7.", "verification"),
    ("To verify, substitute x = 2 back into the equation.", "verification"),
    ("我们来验证一下。", "verification"),
    ("把结果代回原方程。", "verification"),
    ("Wait, the radius is 3.", "backtracking"),
    ("Hmm, that seems wrong.", "backtracking"),
    ("This is not correct, since angles sum to 180.", "backtracking"),
    ("I misread the scale.", "backtracking"),
    ("不对，应该是 5。", "backtracking"),
    ("答案是 4。等等，我看错了。", "backtracking"),
    ("Let me try a different approach.", "re-planning"),
    ("It fails. Alternatively, use areas.", "re-planning"),
    ("Let me start over.", "re-planning"),
    ("换一种思路。", "re-planning"),
]
SAYS_NOT = [
    "Looking at the figure, the side is 3.",
    "The waiting time is 5 minutes, so wait 5 minutes.",
    "Option B: this is incorrect.",
    "A. This is wrong because 2 < 3.",
    "选项 B 的说法不对，排除。",
    "图形左右不对称。",
    "三角形、正方形等等都是多边形。",
    "仔细观察图形，可知角是直角。",
    "The check mark shows the answer.",
    "Consider another angle of the triangle.",
    "The map shows the route again and again.",
    "He checks out of the hotel.",
    "<think>So it is 4.</think><answer>wait, no, 5</answer>",
]


@pytest.mark.parametrize(("text", "kind"), SAYS)
def test_a_reflection_is_found(text, kind):
    assert kind in {span.kind for span in find_reflections(text)}
    assert re.search(PATTERNS[kind], text, re.IGNORECASE)


@pytest.mark.parametrize("text", SAYS_NOT)
def test_a_phrase_with_another_meaning_is_no_reflection(text):
    assert find_reflections(text) == []


def test_a_phrase_of_the_prompt_is_an_echo():
    text = "I must double-check your answer? Let me verify it."
    spans = find_reflections(text, "Think, then: I must DOUBLE-CHECK your answer.")
    assert [text[span.start : span.end] for span in spans] == ["Let me verify"]


def test_a_sentence_counts_once_for_a_kind_and_places_are_exact():
    text = "So 5. Wait, wait, no, that is wrong, let me try another way. 不对，等等。"
    spans = find_reflections(text)
    assert [(span.kind, text[span.start : span.end]) for span in spans] == [
        ("backtracking", "Wait,"),
        ("re-planning", "let me try another way"),
        ("backtracking", "不对，"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "let me " * 50_000,
        "look at the " * 30_000,
        "wait" * 60_000,
        "再" * 100_000,
        "a" * 300_000,
        "I\n" * 100_000,
        "\udc80wait,",
    ],
)
def test_any_text_is_read_in_bounded_time(text):
    # 27 times is the dearest now.
    assert_cheap(lambda: find_reflections(text, text), times=150, size=300_000)


def test_a_run_is_scanned_with_every_kind(tmp_path):
    run = make_training_run(tmp_path / "run", steps=6, prompts=4)
    table = scan_run(run)
    texts = [line for step in range(1, 7) for line in (run / f"rollouts/{step}.jsonl").read_text().splitlines()]
    assert len(table) == len(texts)
    for kind in KINDS:
        phrases = [phrase for phrase in (PHRASES[kind], CHINESE.get(kind)) if phrase]
        assert table[kind].tolist() == [any(phrase in text for phrase in phrases) for text in texts], kind
    assert table["window"].tolist() == table["step"].tolist(), "six steps are not joined"


def test_a_scan_agrees_with_find_reflections_on_each_response(tmp_path, monkeypatch):
    """Echoes, odd answers, missing texts and prompts, cut into batches of one file or of all."""
    pieces = [text for text, _ in SAYS] + SAYS_NOT + ["<answer>", " ", "\n", "é等等，", "x" * 450, "Option A. ", ""]
    prompts = ["", "Let me look at the figure again, double-check, or try another way:", None]
    expected = []
    for step in (1, 2, 3):
        draw = random.Random(step)
        rows = [
            {
                "uid": f"{number}_0_0",
                "input": None if step == 3 else draw.choice(prompts),
                "output": "".join(draw.choices(pieces, k=draw.randrange(8))) if draw.random() < 0.95 else None,
            }
            for number in range(400)
        ]
        path = tmp_path / "rollouts" / f"{step}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        spans = [find_reflections(row["output"] or "", row["input"] or "") for row in rows]
        expected += [{span.kind for span in ones} for ones in spans]
    for size in (1, 10**9):
        monkeypatch.setattr("mmk12.run_report.reflection.scan._BATCH", size)
        scanning._scan.cache_clear()
        table = scan_run(tmp_path)
        assert table["row"].tolist() == [*range(400)] * 3
        assert [{kind for kind in KINDS if row[kind]} for row in table.to_dict("records")] == expected


def test_no_dumps_are_an_error_that_says_so(tmp_path):
    with pytest.raises(MissingData, match="no dumped responses"):
        scan_run(tmp_path)


def test_difficulty_of_prompts_has_no_influence():
    """With and without are equal in each prompt; over all prompts they are not."""
    rows = [
        {"prompt": prompt, "acc": acc, "length": 10.0 + 5 * thinks, **dict.fromkeys(KINDS, thinks)}
        for prompt in range(20)
        for thinks in (True, False)
        for acc in ([1.0] if prompt < 10 else [0.0]) * (1 if thinks == (prompt < 10) else 3)
    ]
    relation = relate_to_accuracy(pd.DataFrame(rows))[0]
    assert relation.right.mean == 0.25
    assert relation.right_without.mean == 0.75
    assert relation.within.mean == 0.0
    assert relation.longer.mean == 5.0
    assert relation.share.interval.low < relation.share.mean < relation.share.interval.high


def test_a_kind_that_does_not_occur_has_no_comparison():
    table = pd.DataFrame({"prompt": [0, 0, 1], "acc": [1.0, 0.0, 1.0], **dict.fromkeys(KINDS, False)})
    relation = relate_to_accuracy(table)[0]
    assert (relation.n, relation.right, relation.within, relation.longer) == (0, None, None, None)
    assert relation.right_without.mean == pytest.approx(2 / 3)


def test_the_page_marks_phrases_and_escapes_everything(tmp_path):
    run = make_training_run(tmp_path / "run", steps=3, prompts=4)
    dump = run / "rollouts/3.jsonl"
    evil = "<script>alert(1)</script>\\u202e</pre> Wait, let me verify, alternatively"
    dump.write_text(dump.read_text().replace("<think>", "<think>" + evil, 1))
    page = tmp_path / "aha.html"
    table = write_report(run, page).relations
    html = page.read_text()
    assert [row[0] for row in table.rows] == list(KINDS)
    assert '<mark data-kind="verification">' in html
    assert "<script" not in html
    assert "\u202e" not in html


def test_examples_are_drawn_at_random_right_and_wrong_ones(tmp_path):
    """The flattering ones are not preferred: half of the examples are wrong where there are enough wrong ones."""
    run = make_training_run(tmp_path / "run", steps=12, prompts=6)
    table = scan_run(run)
    chosen = choose_examples(table)
    assert chosen == choose_examples(table)
    right = [one.right for one in chosen]
    assert 0.35 <= sum(right) / len(right) <= 0.65
    only_right = choose_examples(table[table["acc"] == 1])
    assert len(only_right) >= 4 and all(one.right for one in only_right)
    write_report(run, tmp_path / "aha.html")
    assert "Drawn at random" in (tmp_path / "aha.html").read_text()
