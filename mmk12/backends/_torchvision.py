"""Lets the torchvision wheel of PyPI, built for CUDA, import beside a CPU build of torch.

Its C extension cannot load there, so two operators are never declared and the Python half stops at naming
them. Declaring their schemas is enough for everything but detection, which nothing here uses.
"""

from __future__ import annotations

import importlib
import sys

_kept: list[object] = []


def make_importable() -> None:
    """Imports torchvision, declaring the missing operators if need be. No torchvision at all is no error."""
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)  # the declarations die with the object
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    importlib.import_module("torchvision")
