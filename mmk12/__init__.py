"""mmk12: multimodal reasoning by reinforcement learning, made reproducible."""

__version__ = "0.1.0"
