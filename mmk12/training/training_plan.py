"""Plans a training job: steps, verl keys, memory and command line, before anything is started (`--dry-run`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mmk12.errors import BadInput, BadRecipe, MissingData
from mmk12.inference import find_model
from mmk12.recipes.schema import Finetuning, Recipe
from mmk12.training.estimates import StepCounts, count_steps
from mmk12.training.memory import MemoryEstimate, estimate_memory, read_known_shapes
from mmk12.training.verl_config import make_rl_keys, make_sft_keys
from mmk12.training.verl_keys import Keys, Trainer, check_keys, hydra_arguments, read_defaults, read_fields
from mmk12.utils import storage
from mmk12.utils.shards import find_files

_SFT = ["-m", "mmk12.verl_plugin.sft_trainer"]


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A recipe together with a model, a folder of data and a folder for the run. `rows` is None without data."""

    recipe: Recipe
    model: str
    data: Path
    out: Path
    rows: int | None
    steps: StepCounts
    keys: Keys
    memory: MemoryEstimate | None

    @property
    def trainer(self) -> Trainer:
        """Which of verl's trainers runs the job."""
        return "sft" if isinstance(self.recipe.training, Finetuning) else "rl"

    def command(self, more: Keys = MappingProxyType({})) -> list[str]:
        """Returns the command line; `more` are keys that only a launch knows."""
        gpus = str(self.recipe.hardware.gpus)
        main = {
            "rl": ["-m", "verl.trainer.main_ppo"],
            "sft": ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", gpus, *_SFT],
        }
        return [sys.executable, *main[self.trainer], *hydra_arguments(self.trainer, {**self.keys, **more})]

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """(key, verl's default, our value) for every key that differs; the default is None for keys that verl lacks."""
        known = {**read_fields(self.trainer), **read_defaults(self.trainer)}
        return [(key, known.get(key), value) for key, value in self.keys.items() if known.get(key) != value]

    def resolved(self) -> dict[str, Any]:
        """Returns the contents of resolved.yaml: the recipe with its parents and defaults, the model and the data."""
        return {
            **self.recipe.model_dump(),
            "model": self.model,
            "data_folder": str(self.data),
            "rows": self.rows,
            "steps": self.steps.total,
        }


def make_plan(
    recipe: Recipe, *, data: Path, out: Path, model: str | None = None, must_exist: bool = True
) -> TrainingPlan:
    """Plans a job that trains `model` (default: the recipe's) on the folder `data` and writes to the folder `out`.

    Raises `BadRecipe` for batch sizes that do not divide and for overrides that verl does not have, and `MissingData`
    if there is no train.parquet although `must_exist`.
    """
    start = _find_model(model or recipe.model)
    rows = _count_rows(data, recipe, must_exist)
    train = recipe.training
    steps = count_steps(train, recipe.hardware, rows)
    folders = data.absolute(), out.absolute()
    check_keys("sft" if isinstance(train, Finetuning) else "rl", recipe.overrides)
    if isinstance(train, Finetuning):
        keys = make_sft_keys(recipe, train, start, *folders, steps)
    else:
        keys = make_rl_keys(recipe, train, start, *folders, steps)
    return TrainingPlan(recipe, start, data, out, rows, steps, keys, _estimate_memory(start, recipe))


def _find_model(model: str | None) -> str:
    """Returns the model as verl's workers need it: a hub id or an absolute path."""
    if model is None:
        raise BadRecipe("The recipe names no model. Add 'model:' or pass --model.")
    location = find_model(model, "hf").location
    return str(Path(location).absolute()) if Path(location).is_dir() else location


def _count_rows(data: Path, recipe: Recipe, must_exist: bool) -> int | None:
    files = find_files(data, "train")
    if not files:
        if must_exist:
            raise MissingData(
                f"There is no {data / 'train.parquet'}. "
                f"Build it with: mmk12 build-data {recipe.name} --out {data} --raw-dir RAW"
            )
        return None
    import pyarrow.lib
    import pyarrow.parquet as pq

    rows = 0
    for path in files:
        try:
            rows += int(pq.ParquetFile(path).metadata.num_rows)
        except pyarrow.lib.ArrowException as error:
            raise BadInput(f"{path} is not a readable parquet file: {error}. Build it again.") from None
    return rows


def _estimate_memory(model: str, recipe: Recipe) -> MemoryEstimate | None:
    """Returns None if neither the model's shape nor its config.json is on this machine: planning downloads nothing."""
    path: Any = Path(model) / "config.json"
    if not path.is_file() and model.count("/") == 1:
        import huggingface_hub

        path = huggingface_hub.try_to_load_from_cache(model, "config.json")
    try:
        known = isinstance(path, str | Path) and Path(path).is_file()
        config = storage.read_json(Path(path)) if known else read_known_shapes()[model]
        return estimate_memory(config, recipe.training, recipe.hardware)
    except (KeyError, TypeError, ValueError):
        return None
