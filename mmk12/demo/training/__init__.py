"""How the embedded models were made: `python -m mmk12.demo.training --out DIR [--model demo|demo-tuned]`."""

from mmk12.backends._torchvision import make_importable

make_importable()  # before anything here imports the processor of InternVL
