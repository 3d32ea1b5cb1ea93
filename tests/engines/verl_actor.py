"""verl's own actor on the demo model in the calling process, and what transformers makes of the same rows."""

import os
import warnings

import torch

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda"}  # before verl is imported
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # verl and Ray use what they themselves call deprecated
    from verl.trainer.ppo import core_algos as core_algos
    from verl.utils import hf_processor as hf_processor
    from verl.utils import tensordict_utils as tu
    from verl.workers.config import ActorConfig as ActorConfig
    from verl.workers.config import FSDPEngineConfig, FSDPOptimizerConfig, HFModelConfig
    from verl.workers.engine_workers import TrainingWorker, TrainingWorkerConfig

from mmk12.demo import generate_problems, model_path
from mmk12.inference.prompts import render_chat
from mmk12.utils.images import decode
from mmk12.verl_plugin.internvl import compute_pixel_values

MODEL = str(model_path("demo"))


def started():
    """verl's actor under FSDP2 with the switches of a GPU, over the processes that RANK and WORLD_SIZE tell of."""
    worker = TrainingWorker(
        TrainingWorkerConfig(
            model_type="language_model",
            model_config=HFModelConfig(
                path=MODEL,
                override_config={"attn_implementation": "sdpa"},
                use_remove_padding=True,
                enable_gradient_checkpointing=True,
            ),
            engine_config=FSDPEngineConfig(
                strategy="fsdp2",
                mixed_precision=dict.fromkeys(("param_dtype", "reduce_dtype", "buffer_dtype"), "fp32"),
                use_torch_compile=False,
                use_dynamic_bsz=False,
                micro_batch_size_per_gpu=4,
                infer_micro_batch_size_per_gpu=2,
            ),
            optimizer_config=FSDPOptimizerConfig(lr=1e-4),
        )
    )
    worker.reset()
    return worker


def pictures(sizes):
    """Demo figures, scaled: what a model trained on them can tell apart."""
    return [
        decode(problem.png)[0].resize(size)
        for problem, size in zip(generate_problems("test", len(sizes)), sizes, strict=True)
    ]


def rows(processor, images, tiling):
    """One row per picture: prompt with all its image tokens and a short response, and the pixels, as verl has them."""
    made = []
    for problem, image in zip(generate_problems("test", len(images)), images, strict=True):
        messages = [
            {"role": m.role, "content": m.content} for m in render_chat("instruct", f"<image>{problem.question}", 1)
        ]
        for message in messages:
            parts = message["content"].split("<image>")
            message["content"] = [{"type": "image"}] * (len(parts) - 1) + [{"type": "text", "text": parts[-1]}]
        text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        text += f"<think>Look at the figure.</think><answer>${problem.answer}$</answer>"
        whole = processor(text=[text], images=[image], return_tensors="pt", **tiling)
        ids = whole["input_ids"][0]
        tokens = int((ids == processor.image_token_id).sum())
        made.append((ids, compute_pixel_values(processor, [image], tiling, tokens)))
    return made


def batch(made, inputs=None):
    """Rows as verl's trainer hands them to its actor; a row without pixels has None. `inputs` replace the pixels."""
    if inputs is None:
        inputs = [{} if values is None else {"pixel_values": values} for _, values in made]
    nested = lambda tensors: torch.nested.as_nested_tensor(tensors, layout=torch.jagged)  # noqa: E731
    return tu.get_tensordict(
        {
            "input_ids": nested([ids for ids, _ in made]),
            "position_ids": nested([torch.arange(len(ids)) for ids, _ in made]),
            "loss_mask": nested([torch.ones_like(ids) for ids, _ in made]),
            "multi_modal_inputs": inputs,
        },
        {"temperature": 1.0, "compute_loss": False, "calculate_entropy": False},
    )


def actor_logprobs(worker, made):
    """log p(token t+1 | tokens up to t) by verl's actor, a list of vectors."""
    found = worker.infer_batch(batch(made))["log_probs"]
    return [row[: len(ids) - 1] for row, (ids, _) in zip(found.unbind(), made, strict=True)]


def transformers_logprobs(made):
    """The same by transformers alone, row by row."""
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(MODEL, dtype=torch.float32).eval()
    out = []
    for ids, values in made:
        with torch.no_grad():
            logits = model(input_ids=ids[None], pixel_values=values).logits[0, :-1]
        out.append(torch.log_softmax(logits, -1).gather(-1, ids[1:, None])[:, 0])
    return out
