"""The import of this module is the check that the plugin is active: it raises `PatchError` where it is not.

The actor imports it as its `model.external_lib`. verl reports a plugin that cannot be loaded at log level DEBUG only,
and would go on without the patches. Do not remove an import of this module because its names are unused.
"""

from __future__ import annotations

from mmk12.verl_plugin import SWITCH, active
from mmk12.verl_plugin.patching import PatchError

if not active:
    raise PatchError(f"The mmk12 plugin is off in this process. Start training with `mmk12 train`, or set {SWITCH}=1.")
