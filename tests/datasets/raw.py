"""Raw folders in the upstream layout of every source, all rows invented: a few sound ones, and ones that must drop."""

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import picture

PACKED = "inspire/hdd/someone/report_data"
"""Where the archives of the released mixture have their files."""


def json_file(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def image_file(path: Path, color: object = "white") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture(color))


def jsonl_file(path: Path, rows: list[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def parquet_file(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def zip_file(path: Path, members: Mapping[str, bytes | str], level: int = zipfile.ZIP_STORED) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", level) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, level)


def pickle_file(path: Path, rows: object, protocol: int = 3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(rows, protocol))


def blob(color: str = "red") -> dict[str, Any]:
    return {"bytes": picture(color), "path": None}


def figure(level: int = 255, shape: tuple[int, ...] = (30, 40, 3)) -> np.ndarray:
    return np.full(shape, level, np.uint8)


def released(raw: Path) -> None:
    def row(
        number: object, answer: object = "$140^{\\circ}$", text: str = "Think.\nQuestion:\nWhat?", **other: Any
    ) -> Any:
        turns = [{"role": "system", "content": "Be good."}, {"role": "user", "content": text}]
        urls = [f"file:///{PACKED}/K12/0f.png"]
        return {"id": number, "conversations": turns, "answer": answer, "image_urls": urls} | other

    folder = raw / "mm_eureka_released"
    jsonl_file(
        folder / "dataset.jsonl",
        [
            row("1"),
            row(
                2,
                "B",
                "Think.\nQuestion: <image>\nWhich?\nA. red\nB. blue",
                image_urls=["MMPR/images/geoqa_plus/7.png"],
            ),
            row("3", "7", "Add.", image_urls=["/data/examples/blank.png"]),
            row("4", image_urls=[f"{PACKED}/MMPR/images/ScienceQA/train/8/image.png"]),
            row("5", conversations="You should first …"),
            row("6", image_urls=["K12/none.png"]),
            row("7", image_urls=["/etc/passwd"]),
            row("8", image_urls=[f"{PACKED}/K12/../../secret.png"]),
            row("9", image_urls="K12/0f.png"),
            row("10", answer=3),
            row("11", conversations=[{"role": "system", "content": "?"}]),
            "{torn",
        ],
    )
    zip_file(folder / "K12.zip", {f"{PACKED}/K12/0f.png": picture("red"), "../../secret.png": picture("black")})
    members = {"geoqa_plus/7.png": picture("green"), "ScienceQA/train/8/image.png": picture("blue")}
    zip_file(folder / "MMPR.zip", {f"{PACKED}/MMPR/images/{name}": data for name, data in members.items()})


def geoqa_row(**other: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "image": figure(),
        "subject": "如图,AB∥CD,∠1=40°,则∠2的度数为()",
        "token_list": ["如图", ",", "AB∥CD"],
        "numbers": [40.0],
        "choices": ["40°", "140°", "50°", "2√{3}"],
        "choice_nums": [40.0, 140.0, 50.0, 3.46],
        "label": 1,
        "answer": "故选B",
        "manual_program": ["g_minus", "C_3", "N_0"],
        "formal_point": ["A", "B"],
    } | other


def geoqa_plus(raw: Path) -> None:
    rows = [
        geoqa_row(),
        geoqa_row(id=2, label=3, image=figure(200, (30, 40))),
        geoqa_row(id=3, subject="下列结论正确的是()", choices=["①", "②", "③", "④"], label=0),
        geoqa_row(id=4, label=4),
        geoqa_row(id=5, image=np.zeros((3, 4, 5, 6), np.uint8)),
        geoqa_row(id=6, image=np.zeros((30, 40), np.float64)),
        geoqa_row(id=7, choices=["40°", "40°", "50°", "60°"]),
        "not a row",
    ]
    pickle_file(raw / "geoqa_plus" / "Mix-train.pk", rows)


def unigeo(raw: Path) -> None:
    rows = [
        geoqa_row(English_problem="As shown in the figure , A B parallel C D , angle 1 = N_0 , then angle 2 is ()"),
        geoqa_row(id=2, English_problem="Then angle 2 is ()", image=figure(5)),
        geoqa_row(id=3),
        geoqa_row(id=4, English_problem="angle 1 = N_1 , then angle 2 is ()"),
        geoqa_row(id=5, English_problem=r"the value of \frac A B C D is ()"),
    ]
    pickle_file(raw / "unigeo" / "calculation_train.pk", rows)


def clevr_math(raw: Path) -> None:
    def row(answer: object = 4, **other: Any) -> dict[str, Any]:
        name = "CLEVR_train_000012.png"
        known = {"image_filename": name, "split": "train", "template_filename": "subtraction.json"}
        return known | {"question": "Subtract all red cubes. How many objects are left?", "answer": answer} | other

    folder = raw / "clevr_math"
    bad = [row("yes"), row(True), row(split="val"), row(image_filename="none.png"), "torn", {}]
    json_file(folder / "clevr-math-train.json", {"info": {"version": 1}, "questions": [row(), row("0"), *bad]})
    json_file(folder / "multi-hop" / "clevr-math-train.json", {"questions": [row(2)]})
    zip_file(folder / "CLEVR_v1.0.zip", {"CLEVR_v1.0/images/train/CLEVR_train_000012.png": picture("grey")})


def geometry3k(raw: Path) -> None:
    row = {
        "id": 7,
        "annotat_text": "Find $x$.",
        "choices": ["1", r"5 \sqrt { 2 }", "3", "4"],
        "answer": "B",
        "problem_type_graph": ["Circle", "Line"],
        "problem_type_goal": ["Length"],
        "data_type": "train",
    }
    for number, change in enumerate([{}, {"answer": "E"}, {"answer": ""}, {"answer": "@"}, {"choices": None}]):
        json_file(raw / "geometry3k" / "train" / str(number) / "data.json", row | change)
        image_file(raw / "geometry3k" / "train" / str(number) / "img_diagram.png")
    json_file(raw / "geometry3k" / "train" / "9" / "data.json", row)
    zip_file(
        raw / "geometry3k" / "train.zip",
        {"train/20/data.json": json.dumps(row), "train/20/img_diagram.png": picture(), "train/21/data.json": "[]"},
    )


def math(raw: Path) -> None:
    row = {"problem": "What is $1+1$?", "level": "Level 1", "type": "Algebra", "solution": r"It is $\boxed{2}$."}
    train = raw / "math" / "train" / "algebra"
    json_file(train / "10.json", row)
    json_file(train / "2.json", row | {"problem": "And $2+2$?", "solution": r"\boxed{\frac{8}{2}}"})
    json_file(train / "11.json", row | {"solution": "no box"})
    json_file(train / "12.json", "{torn")
    json_file(train / "13.json", "[1]")
    json_file(train / "14.json", row | {"level": ["Level 1"]})
    json_file(raw / "math" / "test" / "algebra" / "1.json", row)


def iconqa(raw: Path) -> None:
    root = raw / "iconqa" / "iconqa" / "train"
    row = {"question": "How many?", "grade": "grade1", "label": "A1"}
    fill = row | {"ques_type": "fill_in_blank", "answer": "1,024"}
    choose = row | {"ques_type": "choose_txt", "choices": ["3", "7"], "answer": 1}
    rows = {
        "fill_in_blank/4": fill,
        "fill_in_blank/12": fill | {"answer": "a cat"},
        "choose_txt/5": choose,
        "choose_txt/6": choose | {"choices": ["red", "blue"]},
        "choose_txt/8": choose | {"answer": 2},
        "choose_img/9": row | {"ques_type": "choose_img", "answer": 0},
    }
    for name, value in rows.items():
        json_file(root / name / "data.json", value)
        image_file(root / name / "image.png")
    json_file(root.parent / "test" / "choose_txt" / "7" / "data.json", choose)


def m3cot(raw: Path) -> None:
    row = {
        "id": "algebra-17",
        "category": "Polynomials",
        "image_id": "17",
        "question": "How long is side AB?",
        "choices": ["4 cm", "5 cm", "6 cm"],
        "context": "The perimeter is 20 cm.",
        "answer": "B",
        "rationale": "…",
        "split": "train",
        "image": blob(),
        "domain": "mathematics",
        "topic": "algebra",
    }
    rows = [
        row,
        row | {"id": "sense-1", "question": "Which is it?", "context": "", "answer": "E", "choices": list("vwxyz")},
        row | {"id": "no-picture", "image": None},
        row | {"id": "no-option", "answer": "D"},
        row | {"id": "other-split", "split": "test"},
    ]
    parquet_file(raw / "m3cot" / "data" / "train-00000-of-00001.parquet", rows)
    parquet_file(raw / "m3cot" / "data" / "test-00000-of-00001.parquet", [row | {"id": "test"}])


def dvqa(raw: Path) -> None:
    name = "bar_train_00000012.png"
    row = {"question": "How many bars are there?", "question_id": 99, "image": name, "answer_bbox": []}
    rows = [
        row | {"answer": "two", "template_id": "structure"},
        row | {"answer": "40", "question_type": "data", "question_id": 100},
        row | {"answer": "pair", "template_id": "reasoning", "question_id": 101},
        row | {"answer": "3", "template_id": "structure", "question_id": 102, "image": "none.png"},
    ]
    json_file(raw / "dvqa" / "train_qa.json", rows)
    image_file(raw / "dvqa" / "images" / name)


def scienceqa(raw: Path) -> None:
    row = {
        "question": "Which force is larger?",
        "choices": ["the push", "the pull"],
        "answer": 0,
        "hint": "Look at the arrows.",
        "image": "image.png",
        "task": "closed choice",
        "grade": "grade4",
        "subject": "natural science",
        "topic": "physics",
        "category": "Forces",
        "skill": "Compare forces",
        "lecture": "",
        "solution": "",
        "split": "train",
    }
    problems = {
        "41": row,
        "42": row | {"question": "How heavy is it?", "hint": "", "choices": ["2 kg", "3 kg"], "answer": 1},
        "43": row | {"image": None},
        "44": row | {"split": "test"},
        "45": row | {"choices": None},
        "46": [],
    }
    json_file(raw / "scienceqa" / "problems.json", problems)
    for pid in ("41", "42"):
        image_file(raw / "scienceqa" / "images" / "train" / pid / "image.png")


def chartqa(raw: Path) -> None:
    train = raw / "chartqa" / "ChartQA Dataset" / "train"
    row = {"imgname": "two_col_1.png", "query": "How many?", "label": "19.5"}
    json_file(train / "train_human.json", [row, row | {"label": "Yes"}, row | {"label": "[63, 26]"}])
    json_file(train / "train_augmented.json", [row | {"label": "75%"}, row | {"imgname": "../../secret.png"}])
    image_file(train / "png" / "two_col_1.png")
    json_file(train.parent / "val" / "val_human.json", [row])


def ai2d(raw: Path) -> None:
    def asked(number: str, **other: Any) -> dict[str, Any]:
        known = {"abcLabel": False, "answerTexts": ["3", "4", "5", "6"], "correctAnswer": 1}
        return known | {"questionId": f"{number}.png-{len(other)}"} | other

    questions = {
        "How many stages are shown?": asked("1000"),
        "Which comes first?": asked("1000", answerTexts=["egg", "frog", "newt", "tadpole"]),
        "What is A?": asked("1000", abcLabel=True, questionId="1000.png-2"),
        "What is shown?": asked("1000", answerTexts=["{}", "a", "b", "c"], questionId="1000.png-3"),
    }
    pages = {
        "1000": {"imageName": "1000.png", "questions": questions},
        "1001": {"imageName": "1001.png", "questions": {}},
        "1002": {"imageName": "1002.png", "questions": {"What is it?": asked("1002")}},
        "1003": {"questions": {}},
    }
    members = {f"ai2d/questions/{number}.png.json": json.dumps(page) for number, page in pages.items()}
    zip_file(raw / "ai2d" / "ai2d-all.zip", {**members, "ai2d/images/1000.png": picture("pink")})
    (raw / "ai2d" / "ai2d_test_ids.csv").write_text("1002\n1004\n")


def infovqa(raw: Path) -> None:
    def row(number: int, answers: object, **other: Any) -> dict[str, Any]:
        known = {"questionId": number, "question": "What share?", "image_local_name": "20471.jpeg"}
        return known | {"image_url": "", "ocr_output_file": "", "answers": answers, "data_split": "train"} | other

    data = [
        row(8, ["75%", "75"]),
        row(9, ["pinterest"]),
        row(10, ["7", "8"]),
        row(11, []),
        row(12, ["1"], data_split="val"),
    ]
    header = {"dataset_name": "infographicVQA", "dataset_version": "1.0", "dataset_split": "train"}
    json_file(raw / "infovqa" / "infographicsVQA_train_v1.0.json", header | {"data": data})
    image_file(raw / "infovqa" / "images" / "20471.jpeg")


def geos(raw: Path) -> None:
    choices = {"1": "3", "2": "3*\\sqrt{3}", "3": "6", "4": "9", "5": "12"}
    row = {"text": "In the figure above, AB = 6. What is the length of AC?", "choices": choices, "answer": "3"}
    for folder, name, change in (("aaai", "012", {}), ("aaai", "013", {"answer": "0"}), ("practice", "001", {})):
        json_file(raw / "geos" / folder / f"{name}.json", row | change)
        image_file(raw / "geos" / folder / f"{name}.png")


def mapqa(raw: Path) -> None:
    row = {"map_id": "map_7.png", "question_type": "retrieval", "question_template_id": "retrieval_3"}
    row |= {"question": "How many states are in the range 10-20 ?", "question_id": 5}
    rows = [
        row | {"answer": "4"},
        row | {"answer": ["12"], "question_id": 6},
        row | {"answer": ["Ohio", "Utah"], "question_id": 7},
        row | {"answer": "Yes", "question_id": 8},
    ]
    for part in ("U", "S"):
        json_file(raw / "mapqa" / f"MapQA_{part}" / "questions" / "train-QA.json", rows)
        image_file(raw / "mapqa" / f"MapQA_{part}" / "images" / "map_7.png")


def k12_train(raw: Path) -> None:
    rows = [
        {"id": "a", "question": "Then ___.", "answer": "$2$", "image": blob()},
        {"id": "b", "question": "And ___.", "answer": "$3$", "image": None},
        {"id": "c", "question": "Or ___.", "answer": "$3$", "image": {"bytes": b"torn", "path": "c.png"}},
    ]
    parquet_file(raw / "k12_train" / "data" / "train-00000-of-00001.parquet", rows)
    parquet_file(raw / "k12_train" / "data" / "test-00000-of-00001.parquet", [rows[0] | {"id": "t"}])


WRITERS = {
    "mm_eureka_released": released,
    "geoqa_plus": geoqa_plus,
    "k12_train": k12_train,
    "clevr_math": clevr_math,
    "geometry3k": geometry3k,
    "math": math,
    "iconqa": iconqa,
    "m3cot": m3cot,
    "dvqa": dvqa,
    "scienceqa": scienceqa,
    "chartqa": chartqa,
    "ai2d": ai2d,
    "unigeo": unigeo,
    "infovqa": infovqa,
    "geos": geos,
    "mapqa": mapqa,
}
"""Every source that is read from files."""
