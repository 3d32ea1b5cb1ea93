"""How many bytes of images one step of the 8B recipe sends to the actor: python -m perf.pixels FOLDER

In an environment with transformers. FOLDER holds images, of any depth; a step has 128 prompts of 8 responses. Counts
the bytes of the arrays, per response: the float32 pixels that verl stores, and what `mmk12.verl_plugin.pixels` stores.
"""

import argparse
import random
import time
from pathlib import Path

from rich.console import Console

from mmk12.inference.checkpoint import import_torchvision
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.utils.images import decode
from mmk12.utils.tables import Table
from mmk12.verl_plugin.pixels import PACKED, pack_images, unpack_images

PROMPTS, ROLLOUTS, SIDE = 128, 8, 448
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def main() -> None:
    """Prints both sizes of a step of images drawn from the folder, and the time in which the actor makes its pixels."""
    parser = argparse.ArgumentParser(prog="python -m perf.pixels")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    import_torchvision()
    from transformers.models.got_ocr2 import GotOcr2ImageProcessor

    class Processor:
        image_processor = GotOcr2ImageProcessor(size={"height": SIDE, "width": SIDE})

    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    drawn = random.Random(0).choices(paths, k=PROMPTS)
    settings = load_recipe("mm_eureka_8b").image_settings
    pixels = packed = tiles = 0
    taken = 0.0
    for path in drawn:
        inputs = pack_images([decode(path.read_bytes())[0]], settings)
        packed += ROLLOUTS * sum(array.nbytes for array in inputs[PACKED][0])
        start = time.process_time()
        values = unpack_images(Processor, inputs)["pixel_values"]
        taken += time.process_time() - start
        pixels += ROLLOUTS * values.nbytes
        tiles += len(values)
    rows = [("float32 pixels", f"{pixels / 1e9:.2f} GB"), ("images of bytes", f"{packed / 1e9:.2f} GB")]
    title = f"{PROMPTS} prompts x {ROLLOUTS}, {tiles / PROMPTS:.1f} tiles an image"
    Console(width=100).print(Table((title, "a step"), rows).to_rich())
    Console().print(f"the actor makes the pixels of an image in {taken / PROMPTS * 1e3:.0f} ms of processor time")


if __name__ == "__main__":
    main()
