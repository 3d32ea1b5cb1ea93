"""Importing this proves that the plugin is at work; the actor does so as its `model.external_lib`.

verl reports a plugin that cannot be loaded at the log level DEBUG, and would go on without the vision of InternVL.
"""

from __future__ import annotations

from mmk12.verl_plugin import SWITCH, active
from mmk12.verl_plugin.patching import PatchError

if not active:
    raise PatchError(f"The mmk12 plugin is off in this process. Start training with `mmk12 train`, or set {SWITCH}=1.")
