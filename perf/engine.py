"""What `mmk12 eval --backend vllm` costs over bare vLLM: generation time on the same questions, engine start excluded.

python -m perf.engine --raw-dir RAW [--limit N] [--rounds R]

Both run in fresh processes, in turns, with the prefix and multimodal caches off and the same cap on tokens. Ours is the
time from the first request to the last stored completion; theirs is `LLM.chat` on all conversations at once. CPU
seconds are given beside: with OMP_NUM_THREADS=1 and OMP_WAIT_POLICY=PASSIVE they are the ones to trust on a machine
that does other things. `perf.lmms` is the same for lmms-eval.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from mmk12.datasets.loader import locate_dataset, read_samples
from mmk12.datasets.registry import load_benchmark
from mmk12.demo import model_path
from mmk12.evaluation.pipeline import evaluate
from mmk12.inference import prompts
from mmk12.inference.deployment import Deployment
from mmk12.utils.tables import Table
from perf.history import record

NO_CACHES = {"enable_prefix_caching": False, "mm_processor_cache_gb": 0}


class Clock:
    """Wall and CPU seconds of this process since it was made."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {"wall": time.perf_counter() - self.start[0], "cpu": time.process_time() - self.start[1]}


def ours(raw_dir: Path, limit: int | None, max_tokens: int) -> dict[str, float]:
    """One evaluation of the demo model on K12."""
    clock, seen = Clock(), {}

    def progress(label: str, done: int, total: int) -> None:
        nonlocal clock
        if label == "generate" and done == 0:
            clock = Clock()
        elif label == "generate" and done == total:
            seen.update(clock.read())

    with TemporaryDirectory() as folder:
        deployment = Deployment(options=NO_CACHES)
        evaluate(
            "demo",
            ["k12"],
            out=Path(folder),
            backend="vllm",
            raw_dir=raw_dir,
            limit=limit,
            max_tokens=max_tokens,
            deployment=deployment,
            progress=progress,
        )
        lines = (Path(folder) / "completions.jsonl").read_text().splitlines()
    return {**seen, "items": len(lines), "tokens": sum(json.loads(line)["completion_tokens"] for line in lines)}


def questions(raw_dir: Path) -> Iterator[tuple[str, str, Path]]:
    """The questions of K12 as both peers are asked them: system turn, user turn without its picture, the picture."""
    benchmark = load_benchmark("k12")
    files = locate_dataset(benchmark, raw_dir)
    for draft in read_samples(benchmark, files):
        system, user = prompts.render_chat("instruct", f"<image>{draft.question}", 1)
        yield system.content, user.content.removeprefix("<image>"), files.path(draft.images[0])


def bare(raw_dir: Path, limit: int | None, max_tokens: int) -> dict[str, float]:
    """The same questions through `LLM.chat`, which reads the picture files itself."""
    from vllm import LLM, SamplingParams

    from mmk12.inference import vllm as settings

    conversations = []
    for system, user, path in questions(raw_dir):
        picture = {"type": "image_url", "image_url": {"url": path.as_uri()}}
        content = [picture, {"type": "text", "text": user}]
        conversations.append([{"role": "system", "content": system}, {"role": "user", "content": content}])
    llm = LLM(
        str(model_path("demo")),
        allowed_local_media_path=str(raw_dir),
        **{**settings.DEFAULTS, **settings.CPU_DEFAULTS, **NO_CACHES},
    )
    clock = Clock()
    made = llm.chat(conversations[:limit], SamplingParams(temperature=0, max_tokens=max_tokens), use_tqdm=False)
    return {**clock.read(), "items": len(made), "tokens": sum(len(one.outputs[0].token_ids) for one in made)}


def main() -> None:
    """Alternates both and prints medians; `--one` is how the fresh processes are called."""
    parser = argparse.ArgumentParser(prog="python -m perf.engine")
    parser.add_argument("--raw-dir", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--one", choices=("ours", "bare"))
    given = parser.parse_args()
    if given.one:
        run = {"ours": ours, "bare": bare}[given.one]
        print(json.dumps(run(given.raw_dir.resolve(), given.limit, given.max_tokens)))
        return
    counted = ("items", "tokens")
    measured: dict[str, list[dict[str, float]]] = {"ours": [], "bare": []}
    environment = {"HF_HUB_OFFLINE": "1", **os.environ}
    for _ in range(given.rounds):
        for name, kept in measured.items():
            command = [sys.executable, "-m", "perf.engine", "--one", name, *sys.argv[1:]]
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
            kept.append(json.loads(done.stdout.splitlines()[-1]))
            print(name, kept[-1], file=sys.stderr)
    medians = {
        name: [statistics.median(one[key] for one in runs) for key in ("wall", "cpu")]
        for name, runs in measured.items()
    }
    rows = [
        (title, *(f"{value:.2f}" for value in medians[name]), *(f"{measured[name][-1][key]}" for key in counted))
        for name, title in (("ours", "mmk12 eval --backend vllm"), ("bare", "LLM.chat"))
    ]
    ratios = [mine / theirs for mine, theirs in zip(medians["ours"], medians["bare"], strict=True)]
    rows.append(("ratio", *(f"{ratio:.2f}" for ratio in ratios), "", ""))
    console = Console(width=120)
    console.print(Table(("what", "wall s", "CPU s", *counted), rows).to_rich())
    console.print(record("engine", {"mmk12 eval / LLM.chat, wall": ratios[0], "CPU": ratios[1]}).to_rich())


if __name__ == "__main__":
    main()
