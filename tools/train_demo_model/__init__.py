"""Trains the embedded models: `python -m tools.train_demo_model --out DIR [--model demo|demo-tuned]`."""

from mmk12.inference.checkpoint import import_torchvision

import_torchvision()  # before anything here imports the processor of InternVL
