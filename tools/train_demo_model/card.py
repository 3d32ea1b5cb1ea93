"""Writes the model card beside the weights: what the model is, how it was trained, what it scores."""

from __future__ import annotations

from collections.abc import Mapping

from tools.train_demo_model.exam import ExamResult

_CARD = """\
---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
---
# {name}

{about}

A toy InternVL of {parameters:,} parameters (HF-native `InternVLForConditionalGeneration`, float16 weights, own BPE
vocabulary) that reads 112 x 112 figures of {families} families of K12 problems and knows nothing else. It exists so
that evaluation and reinforcement learning can be tried, and tested, on a laptop.

- Data: the synthetic problems of `mmk12.demo.problems`, split "train"; no other data.
- Script: `{command}`
- Grader: `mmk12.verifier`, profile `strict`.

Held-out problems (split "test", no parameters in common with training), {problems} of them:

| prompt | decoding | accuracy | format | tokens |
|---|---|---:|---:|---:|
{rows}

`pass@k` counts problems that at least one of k samples at temperature 1 answers. Greedy accuracy by family (prompt
`instruct`): {by_family}.
"""


def model_card(
    name: str,
    about: str,
    parameters: int,
    command: str,
    problems: int,
    greedy: Mapping[str, ExamResult],
    sampled: ExamResult,
    k: int,
) -> str:
    """Returns the card as Markdown. `greedy` holds results by prompt name, `sampled` those of `k` samples."""
    rows = [_row(prompt, "greedy", marks.accuracy, marks) for prompt, marks in greedy.items()]
    rows.append(_row("instruct", "temperature 1", sampled.accuracy, sampled))
    rows.append(_row("instruct", f"pass@{k}", sampled.passed, sampled))
    by_family = greedy["instruct"].families
    return _CARD.format(
        name=name,
        about=about,
        parameters=parameters,
        command=command,
        problems=problems,
        families=len(by_family),
        rows="\n".join(rows),
        by_family=", ".join(f"{family} {share:.2f}" for family, share in by_family.items()),
    )


def _row(prompt: str, decoding: str, accuracy: float, marks: ExamResult) -> str:
    return f"| {prompt} | {decoding} | {accuracy:.3f} | {marks.format:.3f} | {marks.tokens:.0f} |"
