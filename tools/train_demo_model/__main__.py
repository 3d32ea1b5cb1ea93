"""`python -m tools.train_demo_model` trains an embedded model."""

from tools.train_demo_model.train import main

main()
