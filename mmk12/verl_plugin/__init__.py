"""The only code of mmk12 that runs inside verl: what verl 0.9.1 lacks to train InternVL with our verifier.

verl loads this package, through its entry point group `verl.plugins`, into every process of every project on the
machine. So importing it does nothing unless `MMK12_VERL=1`; with it, the patches below are made ready, each for the
moment its target is imported, and each refuses a target that is not what verl 0.9.1 has.

processor      verl knows no `InternVLProcessor`
multimodal     the pixels for the actor, counted against the prompt's tokens
placeholders   one mark per picture, as vLLM wants to see it
dataset        pictures as they are, and none left out
blank          the vision tower runs in every forward pass, on all ranks
frozen         the key `freeze_vision_tower` gets its meaning
advantages     RLOO, whitened over the batch
demonstrations, sft    the same rows and their golds for verl's SFT trainer
reward         pays by our verifier
curves         accuracy, format, length, … of each training step
uniform        prompts that are all right or all wrong leave the step, where a recipe wants it
engines        rollouts by transformers (`hf_server`, `hf_rollout`) beside vLLM
cpu            the platform for machines without an accelerator

verl hides what a plugin raises, so a patch that does not fit ends the process. And because verl can be told to load no
plugins, `dataset`, `reward` and `required` (which the actor imports) stand up for the rest: where the plugin is off,
they refuse to work.
"""

from __future__ import annotations

import os

SWITCH = "MMK12_VERL"
"""The environment variable that switches the plugin on, when it is 1."""

active = os.environ.get(SWITCH) == "1"
"""Whether the patches are in place in this process."""

if active:
    from mmk12.verl_plugin.activation import activate
    from mmk12.verl_plugin.patching import PatchError

    try:
        activate()
    except PatchError as error:
        raise SystemExit(f"mmk12: {error}") from error
