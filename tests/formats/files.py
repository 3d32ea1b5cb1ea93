"""Small files as other frameworks write them, with invented questions: each holds the same three answers."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

QUESTIONS = ("How many pears lie on the plate?", "What is the length of the rope?", "Which box is the heaviest?")
GOLDS = ("3", "7.5", "B")
ANSWERS = ("I count them.\n\n\\boxed{3}", "\\boxed{8}", "The answer is B.")
ROWS = list(zip(range(3), QUESTIONS, GOLDS, ANSWERS, strict=True))


def jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def lmms_eval(path: Path, **more: Any) -> Path:
    rows = [
        {
            "doc_id": n,
            "target": gold,
            "filtered_resps": answer,
            "doc_hash": "0",
            "input": [f"Solve it.\n{asked}\n<image1>", {}, None, n, "toy", "test"],
            **more,
        }
        for n, asked, gold, answer in ROWS
    ]
    path.write_text(jsonl(rows))
    return path


def vlmevalkit_rows(first: int = 1) -> list[dict[str, Any]]:
    return [
        {"index": n + first, "question": asked, "A": "x", "B": "y", "answer": gold, "prediction": answer}
        for n, asked, gold, answer in ROWS
    ]


def excel(path: Path, rows: list[dict[str, Any]]) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(path)
    return path


def tsv(path: Path, rows: list[dict[str, Any]]) -> Path:
    lines = [rows[0].keys(), *(row.values() for row in rows)]
    quoted = ("\t".join('"' + str(cell).replace('"', '""') + '"' for cell in line) for line in lines)
    path.write_text("\n".join(quoted) + "\n")
    return path


def mathvista(path: Path) -> Path:
    rows = {
        str(n + 1): {
            "pid": str(n + 1),
            "question": asked,
            "choices": None,
            "precision": 1 if n == 1 else None,
            "answer": gold,
            "answer_type": ("integer", "float", "text")[n],
            "query": f"Hint: …\nQuestion: {asked}",
            "response": answer,
        }
        for n, asked, gold, answer in ROWS
    }
    path.write_text(json.dumps(rows, indent=4))
    return path


def mathvision(path: Path) -> Path:
    rows = [{"id": str(n + 1), "model": "m", "response": answer, "model_answer": ""} for n, _, _, answer in ROWS]
    path.write_text(jsonl(rows))
    return path


def openai_batch(path: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {
            "id": f"batch_req_{n}",
            "custom_id": str(n + 1),
            "response": {
                "status_code": 200,
                "body": {
                    "choices": [
                        {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
                    ],
                    "usage": {"prompt_tokens": 9, "completion_tokens": 4},
                },
            },
            "error": None,
        }
        for n, _, _, answer in ROWS
    ]
    path.write_text(jsonl(rows))
    return path


def inspect_samples() -> list[dict[str, Any]]:
    return [
        {
            "id": n + 1,
            "epoch": 1,
            "input": "attachment://q" if n == 0 else [{"role": "user", "content": [{"type": "text", "text": asked}]}],
            "target": [gold],
            "output": {
                "choices": [{"message": {"content": answer}, "stop_reason": "stop"}],
                "usage": {"input_tokens": 5},
            },
            "attachments": {"q": asked},
        }
        for n, asked, gold, answer in ROWS
    ]


def inspect_eval(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps({"version": 2, "eval": {}}))
        for sample in inspect_samples():
            archive.writestr(f"samples/{sample['id']}_epoch_1.json", json.dumps(sample))
    return path


def inspect_json(path: Path) -> Path:
    path.write_text(json.dumps({"version": 2, "eval": {}, "samples": inspect_samples()}, indent=2))
    return path


def trl(path: Path) -> Path:
    rows = [
        {
            "step": 4,
            "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked}],
            "completion": [{"role": "assistant", "content": answer}],
            "solution": gold,
            "right": 1.0 if n != 1 else 0.0,
            "advantage": 0.5,
        }
        for n, asked, gold, answer in ROWS
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def verl_dump(path: Path) -> Path:
    rows = [
        {"input": f"user\n{asked}", "output": answer, "gts": gold, "score": 1.0, "step": 2}
        for _, asked, gold, answer in ROWS
    ]
    path.write_text(jsonl(rows))
    return path


def easyr1(path: Path) -> Path:
    blocks = (
        f"[prompt] {asked}\n[output] {answer}\n[ground_truth] {gold}\n[score] 1.0\n\n"
        for _, asked, gold, answer in ROWS
    )
    path.write_text("".join(blocks))
    return path


ALL = {
    "lmms_eval": (lmms_eval, "samples.jsonl"),
    "vlmevalkit xlsx": (lambda path: excel(path, vlmevalkit_rows()), "m_Toy.xlsx"),
    "vlmevalkit tsv": (lambda path: tsv(path, vlmevalkit_rows()), "m_Toy.tsv"),
    "vlmevalkit json": (lambda path: path.write_text(json.dumps(vlmevalkit_rows(), indent=4)) and path, "m_Toy.json"),
    "mathvista": (mathvista, "output.json"),
    "mathvision": (mathvision, "model.jsonl"),
    "openai_batch": (openai_batch, "batch.jsonl"),
    "inspect_ai eval": (inspect_eval, "log.eval"),
    "inspect_ai json": (inspect_json, "log.json"),
    "trl": (trl, "completions_00004.parquet"),
    "verl_dump": (verl_dump, "2.jsonl"),
    "easyr1": (easyr1, "generations.log"),
}
