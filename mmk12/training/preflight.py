"""What can be known to fail before an hour of a cluster is spent, each as one line that passes or does not.

The checks of a node (versions, data, disk) need neither torch nor verl to be imported, so they run on every node of a
cluster as a small task; those of the experiment (prompt lengths, rewards) run once, where the job is started.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from mmk12._version import VERL
from mmk12.errors import MissingData, MissingExtra, ModelError
from mmk12.inference.prompt_length import BuiltPrompt, meter_by_processor
from mmk12.training.plan import TrainingPlan
from mmk12.types import IMAGE_MARK, Image, Message
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, decode
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.verifier.pool import Pool
from mmk12.verifier.profiles import find_profile

_CHUNK = 256
_CHECKPOINT_BYTES = 12
"""Per trained parameter: float32 weights and the two moments of Adam."""

_KNOWN = (
    ("<think>3+4=7</think><answer>$7$</answer>", "$7$", 1.0, 1.0),
    ("<think>3+4=7</think><answer>7</answer>", "$7$", 1.0, 1.0),
    ("<think>half</think><answer>$\\frac{2}{4}$</answer>", "$\\frac{1}{2}$", 1.0, 1.0),
    ("<think>so x is 3 or -3</think><answer>$x=\\pm 3$</answer>", "$x=3$ or $x=-3$", 1.0, 1.0),
    ("<think>3+4=8</think><answer>$8$</answer>", "$7$", 0.0, 1.0),
    ("The answer is 7.", "$7$", 1.0, 0.0),
    ("<think></think><answer></answer>", "$7$", 0.0, 0.0),
    ("<think>A, B, C or D</think><answer>A or B or C or D</answer>", "A", 0.0, 1.0),
)
"""(response, gold, accuracy, format) that no reward may get wrong."""


class PreflightCheck(NamedTuple):
    """The outcome of one check; `told` says what was found, and what to do where it failed."""

    name: str
    passed: bool
    told: str


@dataclass(frozen=True, slots=True)
class DataRows:
    """What the training rows came to: how many, the longest prompt in tokens, and the first faults."""

    count: int
    longest: int
    faults: tuple[str, ...]


def check_node(train: str, checkpoints: str, needed: int) -> list[PreflightCheck]:
    """The checks of one node: versions, the parquet file, room for `needed` bytes of checkpoints."""
    return [_version(), _readable(Path(train)), _room(Path(checkpoints), needed)]


def check_experiment(plan: TrainingPlan, progress: Progress = ignore_progress) -> Iterator[PreflightCheck]:
    """The checks of the experiment, in order of cost."""
    yield _layout(plan.model)
    yield _rewards(plan.recipe.profile.reward)
    yield _prompts(plan, progress)


def checkpoint_bytes(plan: TrainingPlan) -> int:
    """What the kept checkpoints will take, one more while the newest is written; 0 for a model of unknown size."""
    parameters = plan.memory.parameters if plan.memory else 0
    return _CHECKPOINT_BYTES * parameters * (plan.recipe.training.keep_checkpoints + 1)


def _version() -> PreflightCheck:
    try:
        found = metadata.version("verl")
    except metadata.PackageNotFoundError:
        return PreflightCheck("verl", False, f"is not installed; pip install 'mmk12[gpu]' brings verl {VERL}")
    told = found if found == VERL else f"{found} is installed, the recipes and the plugin are for {VERL}"
    return PreflightCheck("verl", found == VERL, told)


def _readable(train: Path) -> PreflightCheck:
    import pyarrow.lib
    import pyarrow.parquet as pq

    try:
        rows = pq.ParquetFile(train).metadata.num_rows
    except (OSError, pyarrow.lib.ArrowException) as error:
        return PreflightCheck(
            "data", False, f"{train} cannot be read here ({error}); put it on a disk that all nodes share"
        )
    return PreflightCheck("data", rows > 0, f"{train}: {rows:,} rows")


def _room(folder: Path, needed: int) -> PreflightCheck:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    told = f"{free / 2**30:.1f} GiB free on {there}, {needed / 2**30:.1f} GiB of checkpoints to come"
    return PreflightCheck("disk", free > needed, told)


def _layout(model: str) -> PreflightCheck:
    """Whether a local checkpoint is in transformers' own layout, which is all that verl trains."""
    folder = Path(model)
    if not folder.is_dir():
        return PreflightCheck("model", True, f"{model}, from the hub")
    try:
        config = storage.read_json(folder / "config.json")
    except MissingData:
        return PreflightCheck("model", False, f"{folder} has no config.json")
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind == "internvl_chat":
        return PreflightCheck(
            "model", False, f"{folder} is in OpenGVLab's layout. Run: mmk12 convert {folder} {folder}-hf"
        )
    return PreflightCheck("model", True, f"{folder} ({kind})")


def _rewards(profile: str) -> PreflightCheck:
    """The known rewards, through the same killable pool that pays during training."""

    if find_profile(profile).released:
        return PreflightCheck(
            "rewards", True, f"profile {profile} repeats the published defects (docs/ledger.md), so nothing is known"
        )
    with Pool(1, profile) as pool:
        verdicts = pool.map([{"response": response, "gold": gold} for response, gold, _, _ in _KNOWN])
    wrong = [
        response
        for (response, _, accuracy, formed), verdict in zip(_KNOWN, verdicts, strict=True)
        if (float(verdict.correct), float(verdict.format_ok)) != (accuracy, formed)
    ]
    if wrong:
        return PreflightCheck(
            "rewards", False, f"profile {profile} gets {len(wrong)} of {len(_KNOWN)} known rewards wrong: {wrong[0]}"
        )
    return PreflightCheck("rewards", True, f"profile {profile}, {len(_KNOWN)} known rewards as they should be")


def _prompts(plan: TrainingPlan, progress: Progress) -> PreflightCheck:
    try:
        measure = _ruler(plan.model)
    except (MissingExtra, ModelError) as error:
        return PreflightCheck("prompts", False, str(error))
    found = read_rows(
        _parquet(plan.data / "train.parquet"), plan.rows or 0, measure, plan.recipe.training.max_prompt, progress
    )
    if found.faults:
        more = f" ({len(found.faults)} rows in all)" if len(found.faults) > 1 else ""
        return PreflightCheck(
            "prompts", False, f"{found.faults[0]}{more}. Build the data again, or raise train.max_prompt."
        )
    return PreflightCheck(
        "prompts", True, f"{found.count:,} rows, every picture decodes, longest prompt {found.longest:,} tokens"
    )


def read_rows(
    rows: Iterable[Mapping[str, Any]],
    total: int,
    measure: Callable[[list[Message], list[Image]], int],
    longest_allowed: int,
    progress: Progress = ignore_progress,
) -> DataRows:
    """Decodes every picture of the rows of train.parquet and measures every prompt; faults are named by id."""
    count = longest = 0
    faults: list[str] = []
    for count, (row, pictures) in enumerate(map_in_threads(lambda row: (row, _pictures(row)), rows), 1):
        length, fault = _measured(row, pictures, measure, longest_allowed)
        longest = max(longest, length)
        if fault:
            faults.append(f"{row['extra_info']['id']}: {fault}")
        progress("preflight", count, total)
    return DataRows(count, longest, tuple(faults))


def _pictures(row: Mapping[str, Any]) -> list[Image] | str:
    """The sizes of a row's pictures, or what is wrong with one."""
    try:
        decoded = [decode(picture["bytes"])[0] for picture in row["images"]]
    except BadImage as error:
        return str(error)
    return [Image("", picture.width, picture.height) for picture in decoded]


def _measured(
    row: Mapping[str, Any],
    pictures: list[Image] | str,
    measure: Callable[[list[Message], list[Image]], int],
    most: int,
) -> tuple[int, str | None]:
    if isinstance(pictures, str):
        return 0, pictures
    messages = [Message(message["role"], message["content"]) for message in row["prompt"]]
    marks = sum(message.content.count(IMAGE_MARK) for message in messages)
    if marks != len(pictures):
        return 0, f"{marks} {IMAGE_MARK} marks for {len(pictures)} pictures"
    length = measure(messages, pictures)
    return length, f"its prompt has {length:,} tokens, more than {most:,}" if length > most else None


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with io.FileIO(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(_CHUNK, columns=["prompt", "images", "extra_info"]):
            yield from batch.to_pylist()


def _ruler(model: str) -> Callable[[list[Message], list[Image]], int]:
    """The length of a prompt in tokens, pictures included, as the model's own processor makes it."""

    measure = meter_by_processor(model).measure

    def length(messages: list[Message], images: list[Image]) -> int:
        return measure(None, BuiltPrompt(messages, tuple(images))) or 0  # type: ignore[arg-type]  # it reads the prompt alone

    return length
