"""`mmk12 train` and `mmk12 merge`: one recipe becomes one job of verl, whose logs survive every restart.

training_plan      recipe, model and data as a plan: what `--dry-run` prints
estimates          the number of steps and updates, and the memory of one GPU
verl_config        the translation of a recipe into verl's keys
cluster            the nodes of a Ray cluster
preflight          the checks before a job is started
launcher           the run folder, and the job from its start to its end
merge_checkpoint   a checkpoint as a model folder

Nothing here imports torch, ray or verl before a job is launched.
"""
