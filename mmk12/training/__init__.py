"""`mmk12 train` and `mmk12 merge`: one recipe becomes one job of verl, whose logs survive every restart.

training_plan      recipe, model and data as a plan: what `--dry-run` prints
estimates          the number of steps and updates
memory             the memory of a GPU and of a node, and whether a job fits
node_memory        how much of it a node has
verl_config        the translation of a recipe into verl's keys
verl_keys          all of verl's keys, and hydra's command line
cluster            the nodes of a Ray cluster
preflight          the checks before a job is started
shared_folders     that all nodes see one run folder and one model
launcher           the run folder, and the job from its start to its end
child_process      processes that die with their parent
checkpoints        which checkpoint is whole, and which ones are removed
merge_checkpoint   a checkpoint as a model folder
merge_adapter      the adapter of a LoRA training in the merged weights

Nothing here imports torch, ray or verl before a job is launched.
"""
