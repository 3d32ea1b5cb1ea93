r"""We-Math: composite problems beside the one-step problems that they are made of (Qiao et al. 2024, arXiv 2407.01284).

License: CC BY-NC 4.0.
URL: https://github.com/We-Math/We-Math (data and images), https://huggingface.co/datasets/We-Math/We-Math
Split: testmini, 1,740 items: 360 problems of two steps with 3 items each, 165 of three steps with 4.

One row (invented; on the hub `image_path` holds the encoded image):

    data/testmini.json
    {"ID": "2steps_7", "key": "2steps_multi", "question": "How long is the fence around the garden?",
     "option": "A. 12 m; B. 16 m;C. 20 m; D. No correct answer", "answer": "B", "image_path": "2steps/image/7-3.png",
     "knowledge concept": "Circumference of Circles;Area of Squares", "split": "testmini", "question number": 21,
     "knowledge concept description": "Circumference of Circles: …"}

Question: the text and the options, a line each, with the labels of the release.

Metrics over the items of one problem (official: `evaluation/four_dimensional_metrics.py`). Composite wrong: inadequate
generalization if all steps are right, else insufficient knowledge. Composite right: complete mastery if all steps
(loose: any step) are right, else rote memorization. A problem scores 1 for mastery and 0.5 for inadequate
generalization. Papers print the strict score. The domains of the paper are not computed: hub rows do not name them.

Errors of the release: the options are one text, split at `;` and also in front of a capital inside an option; one row
calls its fourth option F; seven rows repeat an option.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from mmk12 import Benchmark, Files, Gold, Graded, HubDataset, Rate, RawSample, Row, ratio, share

HUB = HubDataset("We-Math/We-Math", split="testmini")
LABEL = re.compile(r"(?:^|[;\s])\s*([A-J])\s*[.．:、](?!\s*(?:;|$))")
STEPS = {"2": 2, "3": 3}


def rows(files: Files) -> Iterable[Row]:
    if files.folder is None:
        return files.hub(HUB)
    upstream: list[Row] = files.json("data/testmini.json" if files.glob("data/testmini.json") else "testmini.json")
    return upstream


def draft(row: Row) -> RawSample:
    part = row["key"].rpartition("_")[2]
    options = split_options(row["option"])
    listed = [text for number, (label, text) in enumerate(options) if label == chr(ord("A") + number)]
    lines = "".join(f"\n{label}. {text}" for label, text in options)
    concepts = () if part == "multi" else (row["knowledge concept"],)
    tags = {"steps": f"{row['key'][0]} steps" if part == "multi" else "1 step", "concept": concepts, "part": part}
    image = row["image_path"]
    return RawSample(
        f"{row['ID']}_{part}",
        row["question"].strip() + lines,
        Gold(row["answer"], "choice", tuple(listed)),
        images=[image["bytes"] if isinstance(image, Mapping) else f"data/{image}"],
        tags=tags,
        cluster=row["ID"],
    )


def split_options(text: str) -> list[tuple[str, str]]:
    """Returns (label, text) of each option; labels follow each other, and only one behind `;` may skip letters."""
    labels: list[re.Match[str]] = []
    for match in LABEL.finditer(text):
        expected = chr(ord("A") + len(labels))
        if match[1] == expected or (match[1] > expected and match[0].startswith(";")):
            labels.append(match)
    ends = [match.start() for match in labels[1:]] + [len(text)]
    return [(match[1], text[match.end() : end].strip(" ;")) for match, end in zip(labels, ends, strict=True)]


def measure(graded: Sequence[Graded]) -> dict[str, Rate]:
    """Returns the four-way metric, strict and loose, over the problems that have all their items."""
    problems: dict[str, dict[str, bool]] = {}
    for item in graded:
        problems.setdefault(item.problem, {})[str(item.tags["part"])] = item.correct
    whole = {name: parts for name, parts in problems.items() if len(parts) == STEPS[name[0]] + 1 and "multi" in parts}
    composite = {name: parts["multi"] for name, parts in whole.items()}
    steps = {name: [right for part, right in parts.items() if part != "multi"] for name, parts in whole.items()}
    generalization = {name: not composite[name] and all(steps[name]) for name in whole}
    found = {
        "insufficient knowledge": share({name: float(not composite[name] and not all(steps[name])) for name in whole}),
        "inadequate generalization": share({name: float(one) for name, one in generalization.items()}),
    }
    for kind, enough in (("strict", all), ("loose", any)):
        mastery = {name: composite[name] and enough(steps[name]) for name in whole}
        found[f"score, {kind}"] = share({name: mastery[name] + 0.5 * generalization[name] for name in whole})
        found[f"complete mastery, {kind}"] = share({name: float(mastery[name]) for name in whole})
        rote = {name: (float(composite[name] and not mastery[name]), float(composite[name])) for name in whole}
        found[f"rote memorization, {kind}"] = ratio(rote)
    return found


benchmark = Benchmark(
    name="wemath",
    about="525 composite problems and their steps, strict and loose mastery",
    license="CC BY-NC 4.0",
    url="https://github.com/We-Math/We-Math",
    folders=("wemath", "We-Math", "WeMath"),
    layout="data/testmini.json and data/{2steps,3steps}/image/*.png",
    size=1740,
    rows=rows,
    draft=draft,
    groups=("steps", "concept"),
    hub=HUB,
    official="wemath",
    metrics=measure,
)
