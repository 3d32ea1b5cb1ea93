r"""CLEVR-Math: counting and arithmetic on rendered scenes (Lindström and Abraham 2022, arXiv 2208.05358).

License: questions CC BY-SA 4.0 (dali-does/clevr-math), images CC BY 4.0 (CLEVR v1.0).
URL: https://huggingface.co/datasets/dali-does/clevr-math and https://cs.stanford.edu/people/jcjohns/clevr. The hub
dataset is a script, which the `datasets` library no longer runs (its `_URLS`: `data/clevr-math.zip` and
`data/clevr-math-multihop.zip`, each with `clevr-math-train.json`), so the files are read as `hf download` leaves them,
or unpacked; the images are in `CLEVR_v1.0.zip` or the folder of that name, here or in `data/`.
Split: train.

One row (invented):

    clevr-math-train.json
    {"questions": [{"image_filename": "CLEVR_train_000012.png", "split": "train", "template_filename":
     "subtraction.json", "question": "Subtract all red cubes. How many objects are left?", "answer": 4}]}
    CLEVR_v1.0/images/train/CLEVR_train_000012.png

Gold: the integer in dollars. Rows with another answer (plain CLEVR's yes, no, colors) are left out.
"""

from collections.abc import Iterator

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import first_existing, integer_gold
from mmk12.types import BrokenLine, Gold, RawSample, Row

IMAGES = ("CLEVR_v1.0", "data/CLEVR_v1.0", "CLEVR_v1.0.zip", "data/CLEVR_v1.0.zip")
TRAIN = "clevr-math-train.json"
PARTS = {
    "general": (TRAIN, f"data/{TRAIN}", f"clevr-math.zip/{TRAIN}", f"data/clevr-math.zip/{TRAIN}"),
    "multihop": (
        f"multi-hop/{TRAIN}",
        f"data/multi-hop/{TRAIN}",
        f"clevr-math-multihop.zip/{TRAIN}",
        f"data/clevr-math-multihop.zip/{TRAIN}",
    ),
}


def rows(files: Files) -> Iterator[Row | BrokenLine]:
    images = first_existing(files, *IMAGES)
    root = f"{images}/CLEVR_v1.0" if images.endswith(".zip") else images
    for part, names in PARTS.items():
        name = next((name for name in names if files.names(name)), names[0])
        for number, row in enumerate(files.items(name, "questions")):
            known = {"id": f"{part}/{number}", "folder": f"{root}/images/train"}
            yield row if isinstance(row, BrokenLine) else {**row, **known}


def draft(row: Row) -> RawSample:
    if row["split"] != "train":
        raise SkipRow("not in the train split", str(row["split"]))
    gold = Gold(integer_gold(row["answer"]))
    tags = {"type": row["template_filename"].removesuffix(".json")}
    return RawSample(row["id"], row["question"], gold, images=[f"{row['folder']}/{row['image_filename']}"], tags=tags)


source = Source(
    name="clevr_math",
    about="arithmetic on rendered scenes",
    license="CC BY-SA 4.0; images CC BY 4.0",
    url="https://huggingface.co/datasets/dali-does/clevr-math, https://cs.stanford.edu/people/jcjohns/clevr (18 GB)",
    folders=("clevr_math", "clevr-math"),
    layout="data/clevr-math.zip, data/clevr-math-multihop.zip and CLEVR_v1.0.zip, or their files",
    rows=rows,
    draft=draft,
    template=True,
)
