"""The only code of mmk12 that runs inside verl: what verl lacks to train InternVL with our verifier.

verl loads this package, through its entry point group `verl.plugins`, into every process of every project on the
machine. So importing it does nothing unless `MMK12_VERL=1`. With it, the patches are registered: each is applied when
its module is imported, and fails if the function that it replaces is not that of the pinned version of verl.

activation             the list of all patches
patching               guarded monkey patching: on import, with a signature check
require_active         its import fails where the plugin is off; the actor imports it
internvl               InternVL's processor, image tokens and vision tower in verl
pixels                 images travel to the actor as bytes, not as float32 pixels
freezing               the frozen vision tower, with or without its projector, of every family
datasets               the rows of `mmk12 build-data` for verl's RL and SFT trainers
algorithms             RLOO with whitened advantages, and the online filter that drops uniform groups
losses                 policy losses: CPGD, and GMPO with the scale of the others
reward_manager         pays each response by our verifier
reward_fields          the reward and what is logged with it; runs without verl
step_metrics           accuracy, format, length and so on of each training step
step_record            lost rollouts are counted, padding is not dumped, a checkpoint waits for its log
qwen_attention         Qwen2.5-VL without flash-attn
sft_trainer            verl's SFT trainer with a frozen vision tower
rollout_registration   adds `hf_server` to verl's rollout engines; loaded before verl, so it imports nothing
hf_rollout             the two ends of `hf_server` in verl: replica and adapter
hf_server              rollouts by transformers
cpu                    the platform for machines without an accelerator

verl hides exceptions of a plugin, so a patch that does not fit ends the process. Because verl can be told to load no
plugins, `datasets`, `reward_manager` and `require_active` check that the plugin is on.
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
