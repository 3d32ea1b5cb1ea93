"""`python -m mmk12.demo.training` trains an embedded model."""

from mmk12.demo.training.train import main

main()
