"""Copies are found by words and by pictures, whatever has been done to them; what only looks alike is not."""

import numpy as np
import pytest
from PIL import Image as Pillow

from mmk12.curation import image_fingerprints
from mmk12.curation.similarity import (
    EQUAL_IMAGE,
    MAX_WORDS,
    ItemIndex,
    MinHashIndex,
    is_part,
    normalize_answer,
    normalize_text,
    similarity,
)
from mmk12.types import Gold, Image
from tests.curation.copies import compressed, drawn, item


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("<image>Find $m\\angle ABC$ if $AB=4.0$.", "Find m∠ABC if AB = 4"),
        ("$\\angle A=40^{\\circ}$", "∠A = 40°"),
        ("a circle ⊙O with △ABC", "a circle $\\odot O$ with $\\triangle ABC$"),
        ("$\\left(x\\right) \\leq \\dfrac{1}{2}$", "$(x) ≤ \\frac12$".replace("12", "1 2")),
        ("1,200 cars", "1200 cars"),
        ("What is x?\nA. 1\nB. 2\nC. 3", "What is x?"),
        ("What is x?\n(A) 1\n(B) 2", "What is x?\nChoices:\n(A) 2\n(B) 1"),
        ("What is x? (A) 1 (B) 2", "What is x?"),
        ("Hint: Please answer with an integer.\nQuestion: How many? (Unit: cm)\nChoices:\n(A) 1\n(B) 2", "How many?"),
        ("如图，∠A=40°，则∠B=（ ）\nA．40°\nB．50°", "如图,∠A=40°,则∠B="),
        ("ＡＢ＝３", "AB=3"),
    ],
)
def test_the_words_are_the_same(left, right):
    assert normalize_text(left) == normalize_text(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("AB = 4", "AB = 5"), ("x + 1", "x - 1"), ("角A", "角B"), ("4.5 cm", "45 cm"), ("(A) or B", "")],
)
def test_the_words_differ(left, right):
    assert normalize_text(left) != normalize_text(right)


def test_a_question_that_is_all_options_keeps_its_words():
    assert normalize_text("(A) 1 (B) 2").words


def test_work_on_a_text_is_bounded():
    assert len(normalize_text("12 " * 10**6).words) == MAX_WORDS
    assert normalize_text("A." * 10**6) and normalize_text("Hint " * 10**6) and normalize_text("Choices " * 10**6)


@pytest.mark.parametrize(
    ("gold", "question", "words"),
    [
        (Gold("B", "choice", ("3 cm", "5 cm")), "", ("5", "cm")),
        (Gold("(A)", "choice", ("3 cm", "5 cm")), "", ("3", "cm")),
        (Gold("A", "choice", ("5 cm", "3 cm")), "", ("5", "cm")),
        (Gold("B", "choice"), "Which?\nA. red\nB. blue", ("blue",)),
        (Gold("E", "choice", ("3", "5")), "", ("e",)),
        (Gold("$70^{\\circ}$"), "", ("70",)),
        (Gold("B"), "", ("b",)),
    ],
)
def test_answers_go_by_value(gold, question, words):
    assert normalize_answer(gold, question).words == words


def test_texts_are_found_and_told_apart():
    known = [
        normalize_text(f"In triangle number {n} the side AB is {n} and BC is {n + 1}; find AC.").words
        for n in range(50)
    ]
    known.append(normalize_text("Wie spät ist es in zehn Minuten auf dieser Uhr an der Wand des Zimmers?").words)
    texts = MinHashIndex(known)
    edited = (*known[50][:4], "nun", *known[50][5:])
    found = texts.near([edited, known[7], ("nothing", "like", "it"), ()], 0.7)
    assert found[0, 50] == pytest.approx(similarity(edited, known[50], 0))
    assert found[1, 7] == 1.0
    assert {row for row, _ in found} == {0, 1}


def test_no_texts_are_no_trouble():
    assert MinHashIndex([]).near([("a", "b")], 0.7) == {}
    assert MinHashIndex([("a", "b")]).near([], 0.7) == {}
    assert ItemIndex([]).matches([item("x", "Find x.", [drawn()])]) == [{}]


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture,
        lambda picture: picture.resize((330, 225)),
        lambda picture: picture.resize((130, 90)),
        lambda picture: compressed(picture, 30),
        lambda picture: picture.point(lambda level: 40 + level * 0.8),
    ],
    ids=["same", "larger", "smaller", "compressed", "paler"],
)
def test_a_picture_is_known_again(change):
    (found,) = ItemIndex([item("a", "Find x.", [drawn()])]).matches([item("b", "另一问题", [change(drawn())])])
    assert found[0].image > 0


def test_a_label_or_a_line_make_another_picture():
    others = [drawn("8"), drawn(shift=30), drawn(size=(220, 160))]
    (found,) = ItemIndex([item("a", "Find x.", [drawn()])]).matches([item("b", "另一问题", [others[1]])])
    assert not found
    prints = np.stack([image_fingerprints.to_grey(one) for one in others[:2]])
    assert (
        image_fingerprints.agreement(np.stack([image_fingerprints.to_grey(drawn())] * 2), prints) < EQUAL_IMAGE
    ).all()


@pytest.mark.parametrize("box", [(11, 7, 209, 143), (11, 0, 220, 150), (0, 0, 220, 143), (5, 4, 215, 146)])
def test_a_cropped_picture_is_a_part(box):
    assert is_part(item("a", "", [drawn()]), item("b", "", [drawn().crop(box)]))
    assert not is_part(item("a", "", [drawn(shift=60)]), item("b", "", [drawn().crop(box)]))


def test_blank_pictures_are_none():
    white = Pillow.new("RGB", (224, 224), "white")
    (shown,) = item("a", "Find x.", [white, drawn()]).images
    assert (shown.grey == image_fingerprints.to_grey(drawn())).all()


def test_products_of_prints_are_exact_in_any_order():
    """Else the last bit of a sum, and so a build, would depend on the machine."""
    rng = np.random.default_rng(0)
    coarse = image_fingerprints.downscale(
        rng.integers(0, 256, (40, image_fingerprints.SIDE, image_fingerprints.SIDE)).astype(np.uint8)
    )
    exact = coarse.astype(np.int64) @ coarse.T.astype(np.int64)
    assert (coarse @ coarse.T == exact).all()
    assert np.diag(exact) == pytest.approx(1e6, rel=0.02)


def test_prints_come_back_from_their_file(tmp_path):
    path = tmp_path / "x.looks"
    pictures = {
        Image(f"{number:064x}", 220, 150): image_fingerprints.to_grey(drawn(str(number))) for number in range(3)
    }
    with image_fingerprints.write_fingerprints(path) as writer:
        for image, grey in [*pictures.items(), *pictures.items()]:
            writer.report(image, grey)
    (tmp_path / "empty.looks").touch()
    back = image_fingerprints.FingerprintIndex([tmp_path / "empty.looks", path])
    assert all((back[image] == grey).all() for image, grey in pictures.items())
    assert path.stat().st_size == 3 * (64 + image_fingerprints.SIDE**2)
    with pytest.raises(KeyError):
        back[Image("f" * 64, 1, 1)]
