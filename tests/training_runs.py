"""Makes synthetic training runs as `mmk12 train` leaves them: a model that learns, verl's keys, our plugin's dumps."""

import json
import math
import random

import yaml

ROLLOUTS = 8
OPENINGS = ("The figure shows a ring.", "From the figure, the side is 3.", "图中有两个角。")
PHRASES = {
    "re-perception": "Let me look at the figure again: the mark is on the other side.",
    "verification": "Let me check this result by adding the parts.",
    "backtracking": "Wait, that is not right, I used the wrong side.",
    "re-planning": "Instead, let me try a different approach with areas.",
}
CHINESE = {"re-perception": "再仔细看一下图，标记在另一边。", "verification": "验证一下这个结果。"}


def make_training_run(folder, *, steps=24, prompts=6, seed=0, gain=0.5, fall=None, launches=((1, None),), dumps=True):
    """Makes a run folder. Accuracy rises by `gain` from 0.2; from step `fall` on, that gain is lost.

    `launches` are (first, last) steps of each launch, None for the last step; each prompt has ROLLOUTS responses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "name": "made_up",
        "about": "a made-up run",
        "model": "demo",
        "profile": {"prompt": "instruct", "reward": "paper_instruct"},
        "train": {"prompts_per_step": prompts, "rollouts": ROLLOUTS, "advantage": "rloo", "learning_rate": 1e-4},
        "data_folder": "data/none",
        "rows": 1000,
        "steps": steps,
    }
    (folder / "resolved.yaml").write_text(yaml.safe_dump(config))
    for number, (first, last) in enumerate(launches, 1):
        attempt = folder / "attempts" / f"{number:03d}"
        attempt.mkdir(parents=True, exist_ok=True)
        with open(attempt / "metrics.jsonl", "w") as log:
            for step in range(first, (last or steps) + 1):
                rows = responses(step, steps, prompts, seed + number - 1, gain, fall)
                log.write(json.dumps({"step": step, "data": metrics(rows, step)}) + "\n")
                if dumps:
                    path = folder / "rollouts" / f"{step}.jsonl"
                    path.parent.mkdir(exist_ok=True)
                    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return folder


def responses(step, steps, prompts, seed=0, gain=0.5, fall=None):
    """Makes the rows of one dump, sorted by prompt as verl does."""
    draw = random.Random(f"{seed}/{step}")
    progress = step / steps if fall is None or step < fall else 0.0
    rows = []
    for prompt in range(prompts):
        easy = draw.gauss(0, 1.2)
        for rollout in range(ROLLOUTS):
            chance = 1 / (1 + math.exp(-(easy - 1.4 + 4 * gain * progress)))
            right = draw.random() < chance
            rows.append(response(draw, step, prompt, rollout, right, progress))
    return rows


def response(draw, step, prompt, rollout, right, progress):
    """Makes one response; responses get longer and reflect more as training goes on."""
    thought = [draw.choice(OPENINGS)] + ["So we add the parts and compare."] * draw.randrange(1, 3 + int(6 * progress))
    for kind, phrase in PHRASES.items():
        if draw.random() < 0.05 + 0.25 * progress:
            thought.append(CHINESE.get(kind, phrase) if draw.random() < 0.3 else phrase)
    status = "correct" if right else draw.choices(("wrong", "no_answer", "timeout"), (90, 9, 1))[0]
    gold = prompt + 2
    answer = f"<answer>{gold if right else gold + 1}</answer>" if status != "no_answer" else ""
    text = f"<think>{' '.join(thought)}</think>{answer}"
    formed = float(bool(answer))
    return {
        "input": f"user\n<image>Question {prompt} of step {step}: how long is it?\nassistant",
        "output": text,
        "gts": str(gold),
        "score": right + 0.5 * formed,
        "step": step,
        "uid": f"{step:04d}-{prompt:04d}_{rollout}_0",
        "acc": float(right),
        "format": formed,
        "status": status,
        "no_answer": float(status == "no_answer"),
        "timeout": float(status == "timeout"),
        "truncated": float(draw.random() < 0.02),
        "length": float(len(text.split()) + 12),
        "id": f"demo/train/{prompt}",
    }


def metrics(rows, step):
    """Computes the metrics that verl's file logger writes for a step."""
    groups = [rows[at : at + ROLLOUTS] for at in range(0, len(rows), ROLLOUTS)]
    rates = [sum(row["acc"] for row in group) / len(group) for group in groups]
    keys = ("score", "acc", "format", "no_answer", "timeout", "truncated", "length")
    means = {f"reward/{key}/mean": sum(row[key] for row in rows) / len(rows) for key in keys}
    statuses = ("correct", "wrong", "no_answer", "gold_unusable", "timeout", "error")
    shares = {f"reward/status/{one}": sum(row["status"] == one for row in rows) / len(rows) for one in statuses}
    return {
        **means,
        **shares,
        "critic/score/mean": means["reward/score/mean"],
        "response_length/mean": means["reward/length/mean"],
        "reward/prompts/all_right": sum(rate == 1 for rate in rates) / len(rates),
        "reward/prompts/all_wrong": sum(rate == 0 for rate in rates) / len(rates),
        "actor/entropy": 1.2 - 0.02 * step,
        "actor/grad_norm": 0.5 + 0.1 * (step % 3),
        "actor/pg_clipfrac": 0.01 * (step % 4),
        "timing_s/step": 40.0,
        **({"val-core/mmk12/paper_instruct/acc/mean@1": means["reward/acc/mean"]} if step % 8 == 0 else {}),
    }
