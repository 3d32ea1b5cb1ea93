"""lmms-eval 0.7.3 on the questions of `perf.engine`: python -m perf.lmms --raw-dir RAW [--batch-size N]

For an environment that has it beside vLLM (a copy of .venv-engines, `pip install --no-deps lmms-eval==0.7.3`, and
`sacrebleu evaluate pytz pytablewriter`). Same questions, prompts, cap on tokens and engine settings. The time is that
of its `generate_until`: from rows to responses, engine start and grading excluded. Its default batch size is 1.
"""

import argparse
import json
import sys
import textwrap
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmk12.demo import model_path
from mmk12.inference import vllm as settings
from perf.engine import NO_CACHES, questions

TASK = """
dataset_path: parquet
dataset_kwargs: {{data_files: {{test: {folder}/rows.parquet}}}}
task: questions
test_split: test
output_type: generate_until
doc_to_visual: !function words.visual
doc_to_text: !function words.text
doc_to_messages: !function words.messages
doc_to_target: target
generation_kwargs: {{max_new_tokens: {max_tokens}, temperature: 0}}
process_results: !function words.results
metric_list: [{{metric: exact, aggregation: mean, higher_is_better: true}}]
"""
WORDS = """
    def visual(doc):
        return [doc["image"].convert("RGB")]

    def text(doc, kwargs=None):
        return doc["user"]

    def messages(doc, kwargs=None):
        system = {"role": "system", "content": [{"type": "text", "text": doc["system"]}]}
        picture = {"type": "image", "url": visual(doc)[0]}
        return [system, {"role": "user", "content": [picture, {"type": "text", "text": doc["user"]}]}]

    def results(doc, responses):
        return {"exact": 0.0}
"""


def write_task(folder: Path, raw_dir: Path, limit: int | None, max_tokens: int) -> None:
    """The 500 questions as a task of lmms-eval; it grades nothing."""
    import datasets

    rows = [
        {"system": system, "user": user, "image": {"bytes": path.read_bytes(), "path": None}, "target": ""}
        for system, user, path in islice(questions(raw_dir), limit)
    ]
    table = datasets.Dataset.from_list(rows).cast_column("image", datasets.Image())
    table.to_parquet(folder / "rows.parquet")
    (folder / "questions.yaml").write_text(TASK.format(folder=folder, max_tokens=max_tokens))
    (folder / "words.py").write_text(textwrap.dedent(WORDS))


def timed(measured: dict[str, float]) -> None:
    """Has lmms-eval's vLLM model note how long it generates, and how much."""
    from lmms_eval.models.chat.vllm import VLLM

    generate = VLLM.generate_until

    def generate_until(model: Any, requests: list[Any]) -> Any:
        chat = model.client.chat
        measured["tokens"] = 0

        def counted(*given: Any, **named: Any) -> Any:
            made = chat(*given, **named)
            measured["tokens"] += sum(len(one.outputs[0].token_ids) for one in made)
            return made

        model.client.chat = counted
        start = time.perf_counter()
        responses = generate(model, requests)
        measured.update(wall=time.perf_counter() - start, items=len(responses))
        return responses

    VLLM.generate_until = generate_until


def main() -> None:
    """One run; prints what was measured as JSON."""
    parser = argparse.ArgumentParser(prog="python -m perf.lmms")
    parser.add_argument("--raw-dir", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=1)
    given = parser.parse_args()
    engine = {**settings.CPU_DEFAULTS, **NO_CACHES, "generation_config": "vllm", "max_new_tokens": given.max_tokens}
    arguments = ",".join(f"{name}={value}" for name, value in {"model": model_path("demo"), **engine}.items())
    measured: dict[str, float] = {}
    timed(measured)
    with TemporaryDirectory() as folder:
        write_task(Path(folder), given.raw_dir.resolve(), given.limit, given.max_tokens)
        sys.argv = ["lmms_eval", "--model", "vllm", "--model_args", arguments, "--tasks", "questions"]
        sys.argv += ["--include_path", folder, "--batch_size", str(given.batch_size)]
        from lmms_eval.__main__ import cli_evaluate

        cli_evaluate()
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
