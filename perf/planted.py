"""What decontamination finds and what it drops wrongly: planted copies of benchmark questions, and rows that are none.

Copies are made of the real questions beside the checkout that have pictures, as rows of an ordinary source and as rows
of a template source, and looked for among all benchmarks that lie there. Rows that are none: real train rows, generated
problems against the held-out ones, and line figures on white that differ in one line.
"""

import io
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from mmk12.curation import image_fingerprints
from mmk12.curation.decontamination import find_copies, read_questions
from mmk12.curation.similarity import EQUAL_IMAGE, ComparableItem, ImageFingerprint, ItemIndex
from mmk12.datasets.declarations import Dataset
from mmk12.datasets.loader import locate_dataset, read_samples
from mmk12.datasets.options import find_options, letter_options
from mmk12.datasets.registry import load_benchmark, load_benchmarks, load_source
from mmk12.errors import BadInput, MissingData
from mmk12.types import DroppedSample, Gold, RawSample
from mmk12.utils.content import names
from mmk12.utils.images import BadImage, decode
from mmk12.utils.tables import Table

RAW = Path(__file__).resolve().parents[1] / "../shared/data"
PICTURED = ("k12", "mathvision:testmini")
WORDED = ("mathverse:text_only", "olympiadbench:OE_TO_maths_en_COMP")
HELD = {"exact": 0.99, "re-scaled": 0.99, "re-compressed": 0.99, "options permuted": 0.99}
HELD |= {"cropped by 5 %": 0.9, "a fifth of the words edited": 0.9, "translated, same picture": 0.95}

Alter = Callable[["Row", random.Random], "Row"]


class Row(NamedTuple):
    """A question with its decoded pictures."""

    id: str
    question: str
    gold: Gold
    pictures: tuple[Pillow.Image, ...] = ()

    def item(self) -> ComparableItem:
        seen = [ImageFingerprint(one.width, one.height, image_fingerprints.to_grey(one)) for one in self.pictures]
        return ComparableItem.of(self.id, self.question, self.gold, seen)


def copied(rows: int) -> Table:
    """Recall by class of copy, and wrongly dropped rows by source; at most `rows` of each benchmark are planted."""
    known = [item for name in names("benchmark") for item in _known(name)]
    reference = ItemIndex(known)
    lines: list[tuple[str, ...]] = []
    for where, classes in ((PICTURED, COPIES), (WORDED, WORDS)):
        planted = [
            row for name in where for row in _rows(load_benchmark(name), rows) if row.pictures or where is WORDED
        ]
        for name, alter in classes.items():
            altered = [alter(row, random.Random(row.id)) for row in planted]
            made = [row.item() for row in altered if row is not None]
            for kind in (False, True) if where is PICTURED else (False,):
                found = _found(reference, made, kind)
                asked = f"≥ {100 * HELD[name]:.0f} %" if name in HELD and where is PICTURED else "–"
                set_ = "figures, template source" if kind else "figures" if where is PICTURED else "words alone"
                lines.append((set_, name, str(len(made)), f"{100 * found / len(made):.1f} % found", asked))
    for name, made, others, template in _clean(rows, reference):
        found = _found(others, made, template)
        lines.append((name, "no copies", str(len(made)), f"{100 * found / len(made):.2f} % dropped", "≤ 1 %"))
    for name, pictures in _crowded(rows):
        for how, confused in (("dHash within 4 bits", _by_dhash), ("print", _by_print)):
            share = 100 * confused(pictures)
            lines.append((name, f"taken for another one, {how}", str(len(pictures)), f"{share:.1f} %", "–"))
    return Table(("rows", "class", "n", "measured", "wanted"), lines)


def _found(reference: ItemIndex, rows: list[ComparableItem], template: bool) -> int:
    found = 0
    for start in range(0, len(rows), 256):
        batch = rows[start : start + 256]
        matches = reference.matches(batch)
        found += sum(
            bool(find_copies(row, reference.items, one, template)) for row, one in zip(batch, matches, strict=True)
        )
    return found


def _known(name: str) -> Iterator[ComparableItem]:
    """All questions of a benchmark and its variants that lie beside the checkout."""
    for benchmark in load_benchmarks(name).values():
        try:
            files = locate_dataset(benchmark, RAW)
            yield from (read.item for read in read_questions(benchmark, files) if not isinstance(read, DroppedSample))
        except (MissingData, BadInput):
            continue


def _rows(dataset: Dataset, most: int) -> Iterator[Row]:
    files = locate_dataset(dataset, RAW if dataset.folders else None)
    for draft in list(read_samples(dataset, files))[:most]:
        if isinstance(draft, RawSample):
            with suppress(BadImage):
                pictures = tuple(decode(files.image(ref))[0] for ref in draft.images)
                yield Row(f"{dataset.name}/{draft.id}", draft.question, draft.gold, pictures)


def _pictures(change: Callable[[Pillow.Image, random.Random], Pillow.Image]) -> Alter:
    return lambda row, rng: row._replace(pictures=tuple(change(one, rng) for one in row.pictures))


def _scaled(picture: Pillow.Image, rng: random.Random) -> Pillow.Image:
    factor, method = rng.uniform(0.5, 1.5), rng.choice((Pillow.Resampling.BILINEAR, Pillow.Resampling.LANCZOS))
    return picture.resize((max(1, round(picture.width * factor)), max(1, round(picture.height * factor))), method)


def _compressed(picture: Pillow.Image, rng: random.Random) -> Pillow.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=rng.randint(30, 90))
    return Pillow.open(buffer).convert("RGB")


def _cropped(picture: Pillow.Image, rng: random.Random) -> Pillow.Image:
    """5 % of the width and 5 % of the height, taken from one side or from both."""
    left, top = rng.choice((0, 0.025, 0.05)) * picture.width, rng.choice((0, 0.025, 0.05)) * picture.height
    return picture.crop(
        (round(left), round(top), round(left + 0.95 * picture.width), round(top + 0.95 * picture.height))
    )


def _permuted(row: Row, rng: random.Random) -> Row | None:
    options = row.gold.choices or find_options(row.question)
    if not options or row.gold.kind != "choice":
        return None
    order = rng.sample(range(len(options)), len(options))
    shuffled = [options[number] for number in order]
    letter = chr(ord("A") + order.index(ord(row.gold.text) - ord("A")))
    question = row.question.replace(letter_options(options).strip(), letter_options(shuffled).strip())
    return row._replace(question=question, gold=replace(row.gold, text=letter, choices=tuple(shuffled)))


def _edited(row: Row, rng: random.Random) -> Row:
    """A fifth of the words is replaced, left out or doubled. Instructions and options are no part of a question."""
    words = row.question.rpartition("Question:")[2].partition("Choices:")[0].split(" ")
    for number in rng.sample(range(len(words)), len(words) // 5):
        words[number] = rng.choice(("", f"{words[number]} {words[number]}", rng.choice(("then", "given", "12", "$y$"))))
    return row._replace(question=" ".join(words))


def _translated(row: Row, rng: random.Random) -> Row:
    """Every run of letters outside of formulas becomes other ones, in a fixed order of its own."""
    parts = row.question.split("$")
    parts[::2] = ["".join(chr(0x4E00 + ord(c) % 997) if c.isalpha() else c for c in part) for part in parts[::2]]
    return row._replace(question="$".join(parts))


COPIES: dict[str, Alter] = {
    "exact": lambda row, rng: row,
    "re-scaled": _pictures(_scaled),
    "re-compressed": _pictures(_compressed),
    "options permuted": _permuted,
    "cropped by 5 %": _pictures(_cropped),
    "a fifth of the words edited": _edited,
    "translated, same picture": _translated,
    "translated, no picture": lambda row, rng: _translated(row, rng)._replace(pictures=()),
    "exact, no picture": lambda row, rng: row._replace(pictures=()),
    "re-scaled, translated": lambda row, rng: _translated(_pictures(_scaled)(row, rng), rng),
    "re-compressed, translated": lambda row, rng: _translated(_pictures(_compressed)(row, rng), rng),
}
WORDS: dict[str, Alter] = {name: COPIES[name] for name in ("exact", "a fifth of the words edited")}


def _clean(rows: int, reference: ItemIndex) -> Iterator[tuple[str, list[ComparableItem], ItemIndex, bool]]:
    """(name, rows, what they are compared with, template source) of rows that are no copies."""
    for name in names("source"):
        source = load_source(name)
        try:
            made = [row.item() for row in _rows(source, 1_000_000)]
        except (MissingData, BadInput):
            continue
        if made:
            yield f"source {name}", made, reference, source.template
    for name in PICTURED:
        family = name.partition(":")[0]
        others = ItemIndex([item for item in reference.items if not item.id.startswith(family)])
        yield f"{name} against the others", [row.item() for row in _rows(load_benchmark(name), rows)], others, False
    figures = [_line_figure(number) for number in range(1000)]
    against = ItemIndex([row.item() for row in figures[:500]])
    for template in (False, True):
        how = "one question for all, template source" if template else "a question each"
        asked = [row._replace(question="Find $x$.") if template else row for row in figures[500:]]
        yield f"line figures, {how}", [row.item() for row in asked], against, template


def _crowded(rows: int) -> Iterator[tuple[str, list[Pillow.Image]]]:
    """Pictures that are all different."""
    yield "K12 figures", [row.pictures[0] for row in _rows(load_benchmark("k12"), rows)]
    yield "line figures", [_line_figure(number).pictures[0] for number in range(500)]


def _by_dhash(pictures: list[Pillow.Image]) -> float:
    """The share of pictures with another one within 4 of the 64 bits of the usual difference hash."""
    small = [one.convert("L").resize((9, 8), Pillow.Resampling.LANCZOS) for one in pictures]
    levels = np.array([np.asarray(one, dtype=np.int16) for one in small])
    bits = (levels[:, :, 1:] > levels[:, :, :-1]).reshape(len(pictures), 64)
    near = (bits[:, None] != bits[None]).sum(2) <= 4
    return float((near.sum(1) > 1).mean())


def _by_print(pictures: list[Pillow.Image]) -> float:
    """The same by the measures of `mmk12.curation.image_fingerprints`, as strict as for template sources."""
    items = [Row(str(number), "", Gold(""), (one,)).item() for number, one in enumerate(pictures)]
    found = ItemIndex(items).matches(items)
    twins = [sum(match.image >= EQUAL_IMAGE for match in matches.values()) for matches in found]
    return sum(count > 1 for count in twins) / len(pictures)


def _line_figure(number: int) -> Row:
    """A triangle on white with one more line: nearly blank, and nearly the next one."""
    rng = random.Random(number)
    picture = Pillow.new("RGB", (220, 150), "white")
    draw = ImageDraw.Draw(picture)
    corners = [(30, 120), (190, 120), (rng.randint(40, 180), 30)]
    draw.polygon(corners, outline="black")
    draw.line([corners[2], (rng.randint(50, 170), 120)], fill="black")
    draw.text((rng.randint(40, 170), 124), str(rng.randint(1, 99)), fill="black")
    words = rng.sample(("angle", "side", "height", "area", "ratio", "point", "foot", "line"), 3)
    question = f"The {words[0]} is {rng.randint(2, 99)}, the {words[1]} {rng.randint(2, 99)}. Find the {words[2]}."
    return Row(f"figure/{number}", question, Gold(str(rng.randint(1, 20))), (picture,))
