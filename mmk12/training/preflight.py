"""Checks before a job is started what would fail later, after an hour of cluster time, and reports it in one line.

The checks of a node (packages, data, disk) import neither torch nor verl, so they run on every node of a cluster as a
small Ray task. Those of the experiment (layout, rewards, prompt lengths) run once, where the job is started.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import chain, starmap
from pathlib import Path
from typing import Any, NamedTuple

from mmk12._version import VERL
from mmk12.errors import BadInput, BadRecipe, MissingData, MissingExtra, ModelError
from mmk12.inference.prompt_length import BuiltPrompt, meter_by_processor
from mmk12.training.checkpoints import require_ranks
from mmk12.training.cluster import Node, join_cluster, run_on_nodes
from mmk12.training.memory import find_misfits
from mmk12.training.node_memory import NodeMemory, read_node_memory
from mmk12.training.shared_folders import check_shared_folders
from mmk12.training.training_plan import TrainingPlan, make_plan
from mmk12.training.verl_config import find_attention
from mmk12.types import IMAGE_MARK, Image, Message
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, decode
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.utils.shards import find_files
from mmk12.verifier.pool import Pool
from mmk12.verifier.profiles import find_profile

_ROWS_PER_CHUNK = 256

_NO_VERL_FROM = (3, 13)
_TOO_LONG = (
    "Raise max_prompt, lower tiling.most, or leave such rows out: data.long_prompts: drop, then build-data --tokenizer."
)

_KNOWN_REWARDS = (
    ("<think>3+4=7</think><answer>$7$</answer>", "$7$", 1.0, 1.0),
    ("<think>3+4=7</think><answer>7</answer>", "$7$", 1.0, 1.0),
    ("<think>half</think><answer>$\\frac{2}{4}$</answer>", "$\\frac{1}{2}$", 1.0, 1.0),
    ("<think>so x is 3 or -3</think><answer>$x=\\pm 3$</answer>", "$x=3$ or $x=-3$", 1.0, 1.0),
    ("<think>3+4=8</think><answer>$8$</answer>", "$7$", 0.0, 1.0),
    ("The answer is 7.", "$7$", 1.0, 0.0),
    ("<think></think><answer></answer>", "$7$", 0.0, 0.0),
    ("<think>A, B, C or D</think><answer>A or B or C or D</answer>", "A", 0.0, 1.0),
)
"""Known cases, (response, gold, accuracy, format): every profile must give these values."""

Measure = Callable[[list[Message], list[Image]], int]
"""The length of a prompt in tokens, image tokens included."""


class WantedPackage(NamedTuple):
    """A package that a node needs: its version, None for any, and how to install it."""

    version: str | None
    install: str


class PreflightCheck(NamedTuple):
    """The outcome of one check; `message` gives the facts, and the next step where the check failed."""

    name: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class RowsReport:
    """The training rows: their number, the longest prompt in tokens, and one line per bad row."""

    count: int
    longest: int
    faults: tuple[str, ...]


def run_preflight(
    plan: TrainingPlan,
    *,
    ray_address: str | None,
    deadline: float,
    report: Callable[[PreflightCheck], None],
    say: Callable[[str], None],
    progress: Progress = ignore_progress,
) -> tuple[TrainingPlan, list[Node]]:
    """Runs all checks of a planned job; returns the plan and the nodes of the cluster, none for this machine alone.

    The plan is the same but for its attention, which all nodes must have. Waits up to `deadline` seconds for the nodes
    of the cluster at `ray_address`. Each check goes to `report` as soon as it is known. Raises `ModelError` after the
    last check if one failed, or if nodes are missing.
    """
    arguments = (
        expected_packages(plan, on_cluster=ray_address is not None),
        [str(path.absolute()) for path in find_files(plan.data, "train")],
        str((plan.out / "checkpoints").absolute()),
        checkpoint_bytes(plan),
    )
    nodes: list[Node] = []
    if ray_address is not None:
        nodes = join_cluster(ray_address, plan.recipe.hardware, deadline, say)
    checks = []
    of_nodes = check_node(*arguments) if ray_address is None else check_nodes(nodes, *arguments)
    plan, of_attention = settle_attention(plan, nodes)
    shared = starmap(PreflightCheck, check_shared_folders(nodes, plan.out, plan.model) if nodes else ())
    of_job = (of_nodes, of_attention, shared, check_memory(plan, nodes), check_experiment(plan, progress))
    for check in chain.from_iterable(of_job):
        report(check)
        checks.append(check)
    failed = [check for check in checks if not check.passed]
    if failed:
        raise ModelError(f"{len(failed)} of {len(checks)} checks failed: {failed[0].name}: {failed[0].message}")
    return plan, nodes


def check_node(
    packages: Mapping[str, WantedPackage], train: Sequence[str], checkpoints: str, needed: int
) -> list[PreflightCheck]:
    """Returns the checks of this machine: the packages of the job, the data and the disk.

    `train` is a parquet file, `needed` the bytes that must be free for the folder `checkpoints`.
    """
    return [*_check_packages(packages), _check_data(train), _check_disk(Path(checkpoints), needed)]


def check_nodes(
    nodes: list[Node], packages: Mapping[str, WantedPackage], train: Sequence[str], checkpoints: str, needed: int
) -> list[PreflightCheck]:
    """Returns the checks of `check_node` on each node, with the node's address in the message."""
    checks = []
    for node, results, error in run_on_nodes(nodes, check_node, packages, train, checkpoints, needed):
        if error is not None:
            checks.append(PreflightCheck("node", False, f"{node.address}: mmk12 does not run there ({error})"))
            continue
        checks += [PreflightCheck(name, passed, f"{node.address}: {message}") for name, passed, message in results]
    return checks


def check_memory(plan: TrainingPlan, nodes: list[Node]) -> Iterator[PreflightCheck]:
    """Yields whether the job fits the GPUs and the main memory of its nodes; of this machine if there are none."""
    hardware, memory = plan.recipe.hardware, plan.memory
    if hardware.device == "cpu":
        return
    if memory is None:
        yield PreflightCheck("memory", True, f"not estimated: the config.json of {plan.model} is not on this machine")
        return
    seen = [found for _, found, error in run_on_nodes(nodes, read_node_memory) if error is None] if nodes else []
    found = [NodeMemory(*one) for one in seen] or [read_node_memory()]
    sizes = [one.gpu for one in found if one.gpu is not None]
    gpu = hardware.gpu_gib or min(sizes, default=None)
    needed = f"about {memory.update:.0f} GiB on each GPU during updates, {memory.host:.0f} GiB of main memory"
    if gpu is None:
        yield PreflightCheck("memory", True, f"{needed}; no GPU found here: hardware.gpu_gib tells its size")
        return
    misfits = list(find_misfits(memory, hardware, gpu, min((one.host for one in found if one.host), default=None)))
    yield PreflightCheck("memory", not misfits, "; ".join(misfits) or f"{needed}; a GPU has {gpu:.0f}")


def check_experiment(plan: TrainingPlan, progress: Progress = ignore_progress) -> Iterator[PreflightCheck]:
    """Yields the checks of the experiment, the cheapest first."""
    yield from _check_resume(plan)
    yield _check_layout(plan.model)
    yield _check_rewards(plan.recipe.reward.grader)
    yield _check_prompts(plan, progress)


def checkpoint_bytes(plan: TrainingPlan) -> int:
    """Returns the size in bytes of the kept checkpoints and of one more while the newest is written.

    With `keep_weights` there are the weights of all other ones, too. It is 0 if the size of the model is unknown.
    """
    if plan.memory is None:
        return 0
    training = plan.recipe.training
    whole = training.keep_checkpoints + 1
    others = max(0, (plan.steps.total or 0) // training.checkpoint_every - whole) if training.keep_weights else 0
    bytes_each = 4 * plan.memory.parameters + 8 * plan.memory.trained
    return bytes_each * whole + 4 * plan.memory.parameters * others


def expected_packages(plan: TrainingPlan, *, on_cluster: bool) -> dict[str, WantedPackage]:
    """Returns the packages that every node of the job needs.

    On a cluster all nodes need the versions of this machine: processes of one job exchange objects of these packages.
    """
    hardware, logging = plan.recipe.hardware, plan.recipe.training.logging
    extra = "pip install 'mmk12[gpu]'" if hardware.device == "cuda" else "see 'On a CPU' in docs/training.md"
    names = ["verl", "mmk12", "torch", "transformers", "tensordict"]
    if plan.trainer == "rl":
        names += ["ray", "TransferQueue"]
        names += ["vllm"] if hardware.rollout == "vllm" else []
    needed = dict.fromkeys(names, extra) | {
        name: f"pip install {name}, or leave it out of 'logging'" for name in logging
    }
    versions = {name: _find_version(name) if on_cluster else None for name in needed} | {"verl": VERL}
    return {name: WantedPackage(versions[name], install) for name, install in needed.items()}


def _check_packages(packages: Mapping[str, WantedPackage]) -> Iterator[PreflightCheck]:
    """Yields a check for each package that is missing or of another version, and one that lists the others."""
    sound = []
    for name, wanted in packages.items():
        version = _find_version(name)
        if version is None:
            yield PreflightCheck(name, False, f"is not installed; {wanted.install}{_describe_python(name)}")
        elif wanted.version is not None and version != wanted.version:
            whose = "the recipes and the plugin are for" if name == "verl" else "the machine that starts the job has"
            yield PreflightCheck(name, False, f"{version} is installed, {whose} {wanted.version}")
        else:
            sound.append(f"{name} {version}")
    yield PreflightCheck("packages", bool(sound), ", ".join(sound))


def _describe_python(name: str) -> str:
    """Returns why the advice does not help on this Python, or nothing."""
    if name != "verl" or sys.version_info < _NO_VERL_FROM:
        return ""
    return f", on Python 3.11 or 3.12: verl {VERL} has no release for this {sys.version_info[0]}.{sys.version_info[1]}"


def settle_attention(plan: TrainingPlan, nodes: list[Node]) -> tuple[TrainingPlan, list[PreflightCheck]]:
    """Returns the plan with an attention that all `nodes` have (none: this machine), and the checks that tell of it.

    `attention: auto` falls back to torch's own where flash-attn cannot be imported; asked for by name, that fails.
    """
    hardware = plan.recipe.hardware
    if find_attention(hardware) == "sdpa":
        return plan, []
    if nodes:
        found = [(node.address, reason or error) for node, reason, error in run_on_nodes(nodes, try_flash_attention)]
    else:
        found = [("this machine", try_flash_attention())]
    lacking = [f"{where}: flash-attn cannot be imported ({reason})" for where, reason in found if reason is not None]
    if not lacking:
        return plan, [PreflightCheck("attention", True, "flash_attention_2, by flash-attn")]
    if hardware.attention != "auto":
        advice = "install it there, or set hardware.attention=sdpa"
        return plan, [PreflightCheck("attention", False, f"{line}; {advice}") for line in lacking]
    sdpa = plan.recipe.model_copy(update={"hardware": hardware.model_copy(update={"attention": "sdpa"})})
    settled = make_plan(sdpa, data=plan.data, out=plan.out, model=plan.model)
    return settled, [PreflightCheck("attention", True, f"torch's own (sdpa). {'. '.join(lacking)}")]


def try_flash_attention() -> str | None:
    """Returns why flash-attn cannot be imported on this machine, None if it can; imports it in a process of its own.

    A build for another torch is installed and fails only then.
    """
    done = subprocess.run([sys.executable, "-c", "import flash_attn"], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {done.returncode}"


def _find_version(name: str) -> str | None:
    """Returns the version of an installed package; builds of vLLM for a CPU have a name of their own."""
    for distribution in (name, f"{name}-cpu"):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return None


def _check_data(files: Sequence[str]) -> PreflightCheck:
    import pyarrow.lib
    import pyarrow.parquet as pq

    rows = 0
    for path in files:
        try:
            rows += pq.ParquetFile(path).metadata.num_rows
        except (OSError, pyarrow.lib.ArrowException) as error:
            message = f"{path} cannot be read here ({error}); put it on a disk that all nodes share"
            return PreflightCheck("data", False, message)
    where = f"{files[0]} and {len(files) - 1} more" if len(files) > 1 else ", ".join(files)
    return PreflightCheck("data", rows > 0, f"{where}: {rows:,} rows")


def _check_disk(folder: Path, needed: int) -> PreflightCheck:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    message = f"{free / 2**30:.1f} GiB free on {existing}, {needed / 2**30:.1f} GiB needed for checkpoints"
    return PreflightCheck("disk", free > needed, message)


def _check_resume(plan: TrainingPlan) -> Iterator[PreflightCheck]:
    """Yields a failed check if the run folder holds a checkpoint that this number of GPUs cannot continue."""
    hardware = plan.recipe.hardware
    try:
        require_ranks(plan.out / "checkpoints", hardware.nodes * hardware.gpus)
    except (ModelError, MissingData, BadInput) as error:
        yield PreflightCheck("resume", False, str(error))


def _check_layout(model: str) -> PreflightCheck:
    """Checks that a local checkpoint is in transformers' layout, the only one that verl trains."""
    folder = Path(model)
    if not folder.is_dir():
        return PreflightCheck("model", True, f"{model}, from the hub")
    try:
        config = storage.read_json(folder / "config.json")
    except MissingData:
        return PreflightCheck("model", False, f"{folder} has no config.json")
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind == "internvl_chat":
        message = f"{folder} is in OpenGVLab's layout. Run: mmk12 convert {folder} {folder}-hf"
        return PreflightCheck("model", False, message)
    return PreflightCheck("model", True, f"{folder} ({kind})")


def _check_rewards(profile: str) -> PreflightCheck:
    """Checks rewards that are known, in the same kind of worker that pays during training."""
    if find_profile(profile).released:
        message = f"profile {profile} reproduces the published defects (docs/ledger.md); its rewards are not checked"
        return PreflightCheck("rewards", True, message)
    with Pool(1, profile) as pool:
        verdicts = list(pool.map([{"response": response, "gold": gold} for response, gold, _, _ in _KNOWN_REWARDS]))
    wrong = [
        response
        for (response, _, accuracy, format_), verdict in zip(_KNOWN_REWARDS, verdicts, strict=True)
        if (float(verdict.correct), float(verdict.format_ok)) != (accuracy, format_)
    ]
    if wrong:
        message = f"profile {profile} gets {len(wrong)} of {len(_KNOWN_REWARDS)} known rewards wrong: {wrong[0]}"
        return PreflightCheck("rewards", False, message)
    return PreflightCheck("rewards", True, f"profile {profile}, {len(_KNOWN_REWARDS)} known rewards are right")


def _check_prompts(plan: TrainingPlan, progress: Progress) -> PreflightCheck:
    try:
        measure = _make_measure(plan)
    except (BadRecipe, MissingExtra, ModelError) as error:
        return PreflightCheck("prompts", False, str(error))
    rows = chain.from_iterable(map(_read_parquet, find_files(plan.data, "train")))
    result = check_rows(rows, plan.rows or 0, measure, plan.recipe.training.max_prompt, progress)
    if result.faults:
        more = f" ({len(result.faults)} rows in all)" if len(result.faults) > 1 else ""
        message = f"{result.faults[0]}{more}. {_TOO_LONG}"
        return PreflightCheck("prompts", False, message)
    message = f"{result.count:,} rows, every image decodes, longest prompt {result.longest:,} tokens"
    return PreflightCheck("prompts", True, message)


def check_rows(
    rows: Iterable[Mapping[str, Any]],
    total: int,
    measure: Measure,
    max_prompt: int,
    progress: Progress = ignore_progress,
) -> RowsReport:
    """Decodes every image of the rows of train.parquet and measures every prompt; `max_prompt` is in tokens.

    `total` is the number of rows, for `progress`. A row that cannot be used becomes a line that begins with its id.
    """
    count = longest = 0
    faults: list[str] = []
    # Pillow decodes without holding the interpreter lock.
    for count, (row, images) in enumerate(map_in_threads(lambda row: (row, _decode_images(row)), rows), 1):
        length, fault = _check_row(row, images, measure, max_prompt)
        longest = max(longest, length)
        if fault:
            faults.append(f"{row['extra_info']['id']}: {fault}")
        progress("preflight", count, total)
    return RowsReport(count, longest, tuple(faults))


def _decode_images(row: Mapping[str, Any]) -> list[Image] | str:
    """Returns the sizes of a row's images, or the reason why one cannot be decoded."""
    try:
        decoded = [decode(image["bytes"])[0] for image in row["images"]]
    except BadImage as error:
        return str(error)
    return [Image("", image.width, image.height) for image in decoded]


def _check_row(
    row: Mapping[str, Any], images: list[Image] | str, measure: Measure, max_prompt: int
) -> tuple[int, str | None]:
    """Returns (tokens of the prompt, fault or None)."""
    if isinstance(images, str):
        return 0, images
    messages = [Message(message["role"], message["content"]) for message in row["prompt"]]
    marks = sum(message.content.count(IMAGE_MARK) for message in messages)
    if marks != len(images):
        return 0, f"{marks} {IMAGE_MARK} marks for {len(images)} images"
    length = measure(messages, images)
    return length, f"its prompt has {length:,} tokens, more than {max_prompt:,}" if length > max_prompt else None


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with io.FileIO(path) as file:
        for batch in pq.ParquetFile(file).iter_batches(_ROWS_PER_CHUNK, columns=["prompt", "images", "extra_info"]):
            yield from batch.to_pylist()


def _make_measure(plan: TrainingPlan) -> Measure:
    """Returns the function that measures prompts with the model's own processor and the recipe's own tiling.

    Raises `BadRecipe` if the processor does not know the settings: it would ignore them, and so would the training.
    """
    measure, ignored = meter_by_processor(plan.model, plan.recipe.image_settings)[1:]
    if ignored:
        raise BadRecipe(
            f"The image processor of {plan.model} does not know {', '.join(ignored)}. "
            "The word for Qwen-VL is train.pixels={min: 4096, max: 1310720}, that for InternVL train.tiling."
        )

    def length(messages: list[Message], images: list[Image]) -> int:
        return measure(None, BuiltPrompt(messages, tuple(images))) or 0  # type: ignore[arg-type]  # it reads the prompt alone

    return length
