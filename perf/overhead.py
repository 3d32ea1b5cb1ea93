"""What our parts add to one step of the 8B recipe (128 prompts of 8 rollouts): python -m perf.overhead

In the environment of the engines. Responses have 600 words, pictures 1,000 x 750 pixels. All parts are summed as if
nothing ran beside anything; in a training, rewards are paid while other responses are still generated. Decoding a
picture costs any trainer the same, so the time that Pillow takes for it is taken off.
"""

import io
import json
import os
import random
import time
from collections.abc import Callable

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda"}  # before verl is imported

from PIL import Image as Pillow
from rich.console import Console

from mmk12.utils.tables import Table
from mmk12.verifier.pool import Pool

PROMPTS, ROLLOUTS, WORDS = 128, 8, 600
STEP_SECONDS = 100.0
"""A step of the 8B recipe takes longer on any 16 GPUs: 1,024 samples are generated and pass through the model twice."""


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def photograph(source: random.Random) -> bytes:
    buffer = io.BytesIO()
    small = Pillow.frombytes("RGB", (64, 48), source.randbytes(64 * 48 * 3))
    small.resize((1000, 750)).save(buffer, "JPEG")
    return buffer.getvalue()


def main() -> None:
    import verl  # noqa: F401 - before what patches it

    from mmk12.verl_plugin.datasets import decode_images, to_messages
    from mmk12.verl_plugin.reward_fields import make_pool_row, reward_fields
    from mmk12.verl_plugin.step_metrics import compute_step_metrics

    source = random.Random(0)
    prompts = [[{"role": "user", "content": "<image>What is $x$?"}]] * PROMPTS
    pictures = [[{"bytes": photograph(source)}] for _ in range(PROMPTS)]
    responses = []
    for number in range(PROMPTS * ROLLOUTS):
        thought = " ".join(f"since $a_{{{number}}}={source.randrange(999)}$" for _ in range(WORDS // 2))
        responses.append(f"<think>{thought}</think><answer>$\\frac{{{source.randrange(9)}}}{{7}}$</answer>")
    told: list[dict[str, object]] = []
    with Pool(1, "paper_instruct") as pool:
        pool.map([make_pool_row(responses[0], "$1$", {})])  # the start of the worker belongs to no step

        def paid() -> None:
            for response in responses:
                [verdict] = pool.map([make_pool_row(response, "$\\frac{3}{7}$", {})])
                told.append(reward_fields(verdict, response, length=WORDS, truncated=False))

        parts = {"reward": timed(paid)}
    rows = timed(lambda: [decode_images(to_messages(*one)) for one in zip(prompts, pictures, strict=True)])
    plain = timed(lambda: [Pillow.open(io.BytesIO(one["bytes"])).convert("RGB") for (one,) in pictures])
    parts["rows and pictures"] = rows - plain
    parts["curves"] = timed(lambda: compute_step_metrics(told, [f"p{at // ROLLOUTS}" for at in range(len(told))]))
    parts["dumped fields"] = timed(lambda: [json.dumps(one) for one in told])
    lines = [(name, f"{spent:.3f}", f"{100 * spent / STEP_SECONDS:.2f}") for name, spent in parts.items()]
    total = sum(parts.values())
    lines.append(("all", f"{total:.3f}", f"{100 * total / STEP_SECONDS:.2f}"))
    Console().print(Table(("part", "s a step", f"% of {STEP_SECONDS:.0f} s"), lines).to_rich())


if __name__ == "__main__":
    main()
