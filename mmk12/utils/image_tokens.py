"""Asks a processor of transformers how many tokens images take, without an effect on what it does afterwards."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def count_image_tokens(processor: Any, sizes: Sequence[tuple[int, int]], settings: Mapping[str, Any]) -> Any:
    """Returns transformers' `MultiModalData`: `num_image_tokens` and `num_image_patches`, each a list per image.

    `sizes` are (height, width) in pixels, `settings` those of a call of the processor. InternVL and Qwen-VL write the
    settings of this question into the defaults of their class (transformers 5.9, processing_internvl.py:240), where
    every later call finds them: asked about one tile, a processor cuts no tiles any more. So the defaults are put back.
    """
    module = sys.modules[type(processor).__module__]
    classes = [one for one in vars(module).values() if isinstance(one, type) and "_defaults" in vars(one)]
    kept = [(one, copy.deepcopy(vars(one)["_defaults"])) for one in classes]
    try:
        return processor._get_num_multimodal_tokens(image_sizes=list(sizes), **settings)
    finally:
        for one, defaults in kept:
            one._defaults = defaults  # type: ignore[attr-defined]
