"""The plugin's parts on real verl, without a training run: rows, prompts, rewards, registrations."""

import asyncio
import os
import warnings
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda"}  # before verl is imported

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # verl and Ray use what they themselves call deprecated
    from omegaconf import OmegaConf
    from tensordict import TensorDict
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager
    from verl.utils import hf_processor, hf_tokenizer
    from verl.utils.tensordict_utils import list_of_dict_to_tensordict
    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder
    from verl.workers.rollout.utils import get_vision_placeholder_token_ids, qwen2_5_vl_dedup_image_tokens

    from mmk12.verl_plugin.datasets import RlDataset
    from mmk12.verl_plugin.reward_manager import RewardManager
    from mmk12.verl_plugin.step_metrics import read_rewards

from mmk12.curation import parquet_shards
from mmk12.curation.export import SCHEMA
from mmk12.demo import model_path
from mmk12.inference.prompts import render_chat
from mmk12.utils.images import decode
from mmk12.utils.shards import find_files
from tests.conftest import picture, response

MODEL = str(model_path("demo"))


@pytest.fixture(scope="module")
def processor():
    return hf_processor(MODEL)


def row(question, images, gold="4"):
    return {
        "prompt": [{"role": m.role, "content": m.content} for m in render_chat("instruct", question, len(images))],
        "images": [{"bytes": data, "path": "x.png"} for data in images],
        "data_source": "mmk12/paper_instruct",
        "reward_model": {"style": "rule", "ground_truth": gold},
        "extra_info": {
            "index": 1,
            "id": "toy/1",
            "source": "toy",
            "split": "train",
            "question": question,
            "tags": "{}",
        },
    }


def dataset(folder, rows, processor, **config):
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "rows.parquet")
    given = {"cache_dir": str(folder), "filter_overlong_prompts": False, **config}
    return RlDataset(str(folder / "rows.parquet"), processor.tokenizer, OmegaConf.create(given), processor)


def pictures(messages):
    return asyncio.run(RlDataset.process_multi_modal_info(messages, 14, OmegaConf.create({})))[0]


def prompt_ids(processor, messages, images, **tiling):
    builder = create_continuous_token_builder(
        tokenizer=processor.tokenizer, processor=processor, hf_model_type="internvl", mm_processor_kwargs=tiling
    )
    return builder.build_initial_tokens(messages, images=images)


def test_pictures_arrive_pixel_by_pixel(processor, tmp_path):
    """verl's own dataset would make 80 x 56 pixels 84 x 56."""
    sizes = [(80, 56), (61, 47), (300, 100)]
    images = [picture((10 * at, 90, 200), size) for at, size in enumerate(sizes)]
    found = dataset(tmp_path, [row("<image>Compare <image> and <image>.", images)], processor)[0]
    assert [image.size for image in pictures(found["raw_prompt"])] == sizes
    for image, data in zip(pictures(found["raw_prompt"]), images, strict=True):
        assert image.tobytes() == decode(data)[0].tobytes()


def test_shards_are_read_in_order(processor, tmp_path, monkeypatch):
    """`data.train_files` as a list, which is how a split of several files is given to verl."""
    monkeypatch.setattr(parquet_shards, "SHARD_BYTES", 400)
    with parquet_shards.open_writer(tmp_path, "train", SCHEMA) as writer:
        for number in range(5):
            writer.add(row(f"<image>Is it {number}?", [picture((number, 0, 0))]))
    files = [str(path) for path in find_files(tmp_path, "train")]
    assert len(files) > 1
    given = OmegaConf.create({"cache_dir": str(tmp_path / "cache"), "filter_overlong_prompts": False})
    found = RlDataset(OmegaConf.create(files), processor.tokenizer, given, processor)
    assert [pictures(found[at]["raw_prompt"])[0].getpixel((0, 0)) for at in range(5)] == [(at, 0, 0) for at in range(5)]


def test_only_encoded_bytes_travel(processor, tmp_path):
    found = dataset(tmp_path, [row("<image>Which?", [picture("red", (900, 700))])], processor)[0]
    items = [item for message in found["raw_prompt"] for item in message["content"]]
    assert [sorted(item) for item in items if item["type"] == "image"] == [["image", "type"]]
    assert all(isinstance(item["image"], bytes) for item in items if item["type"] == "image")


def test_a_row_without_a_picture_shows_the_white_one(processor, tmp_path):
    found = dataset(tmp_path, [row("What is $2+2$?", [])], processor)[0]
    (white,) = pictures(found["raw_prompt"])
    assert (white.size, white.getextrema()) == ((224, 224), ((255, 255),) * 3)


@pytest.mark.parametrize(("marks", "images"), [(1, 2), (2, 1)])
def test_marks_and_pictures_that_differ_in_number_are_refused(processor, tmp_path, marks, images):
    broken = row("<image>" * images, [picture()] * images)
    broken["prompt"][-1]["content"] = "<image>" * marks + "Which?"
    rows = dataset(tmp_path, [broken], processor)
    with pytest.raises(ValueError, match="marks"):
        rows[0]


@pytest.mark.parametrize("tiling", [{"crop_to_patches": False}, {"crop_to_patches": True, "max_patches": 4}])
def test_training_and_evaluation_ask_with_the_same_tokens(processor, tmp_path, tiling):
    """verl's prompt ids against the processor on the text that the evaluation renders, and one mark each for vLLM."""
    image = picture("red", (300, 100))
    found = dataset(tmp_path, [row("<image>How many dots?", [image])], processor)[0]
    images = pictures(found["raw_prompt"])
    ids = prompt_ids(processor, found["raw_prompt"], images, **tiling)
    messages = [{"role": m.role, "content": m.content} for m in render_chat("instruct", "<image>How many dots?", 1)]
    body = messages[-1]["content"].removeprefix("<image>")
    messages[-1]["content"] = [{"type": "image"}, {"type": "text", "text": body}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert ids == processor(text=[text], images=images, **tiling)["input_ids"][0]
    marks = qwen2_5_vl_dedup_image_tokens(ids, processor)
    assert marks == processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    assert processor.image_token_id in get_vision_placeholder_token_ids(processor)


def test_the_length_filter_counts_tiles(processor, tmp_path):
    rows = [row("<image>Which?", [picture("red", size)]) for size in ((112, 112), (448, 448))]
    found = dataset(tmp_path, rows, processor)
    lengths = [len(prompt_ids(processor, one["raw_prompt"], pictures(one["raw_prompt"]))) for one in found]
    assert lengths[0] < lengths[1]
    given = {"filter_overlong_prompts": True, "max_prompt_length": lengths[0], "filter_overlong_prompts_workers": 1}
    assert len(dataset(tmp_path, rows, processor, **given)) == 1


@pytest.fixture(scope="module")
def manager():
    config = OmegaConf.create({"actor_rollout_ref": {"model": {"path": MODEL}}})
    with asyncio.Runner() as runner:

        async def made():
            return RewardManager(config, hf_tokenizer(MODEL), None)

        manager = runner.run(made())

        yield SimpleNamespace(pay=lambda data: runner.run(manager.run_single(data)), pools=manager._pools)
        for pool in manager._pools.values():
            pool.close()


PLAIN = "<|im_start|>assistant\n"


def asked(text, tokenizer, *, end="<|im_end|>", gold="4", profile="paper_instruct", extra=None, prompt=PLAIN):
    prompts = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    ids = tokenizer(text + end, return_tensors="pt", add_special_tokens=False)["input_ids"]
    columns = {
        "data_source": f"mmk12/{profile}",
        "reward_model": {"ground_truth": gold},
        "extra_info": {"id": "toy/1", **(extra or {})},
    }
    mask = torch.ones(1, prompts.shape[1] + ids.shape[1], dtype=torch.long)
    return DataProto(
        batch=TensorDict({"prompts": prompts, "responses": ids, "attention_mask": mask}, 1),
        non_tensor_batch={key: np.array([value], dtype=object) for key, value in columns.items()},
    )


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        (response("$4$"), {}, {"score": 1.5, "acc": 1.0, "format": 1.0, "status": "correct", "truncated": 0.0}),
        (response("$5$"), {}, {"score": 0.5, "acc": 0.0, "status": "wrong"}),
        (response("$4$"), {"end": ""}, {"score": 1.5, "truncated": 1.0}),
        ("I do not know.", {}, {"score": 0.0, "status": "no_answer", "no_answer": 1.0}),
        (response("$4$"), {"gold": "$$"}, {"score": 0.0, "status": "gold_unusable"}),
        (response("B"), {"gold": "B", "extra": {"answer_type": "choice", "choices": ["x", "y"]}}, {"acc": 1.0}),
        ("2 + 2 </think><answer>$4$</answer>", {}, {"score": 1.0, "acc": 1.0, "format": 0.0}),
        # A template that opens the think section leaves the response to close it.
        ("2 + 2 </think><answer>$4$</answer>", {"prompt": f"{PLAIN}<think>"}, {"score": 1.5, "format": 1.0}),
        ("2 + 2 </think><answer>$4$</answer>", {"prompt": f"{PLAIN}<think>\n"}, {"score": 1.5, "format": 1.0}),
        ("2 + 2 </think>$4$", {"prompt": f"{PLAIN}<think>\n"}, {"format": 0.0}),
        (response("$4$"), {"prompt": f"{PLAIN}<think>\n"}, {"acc": 1.0, "format": 0.0}),
        (response("$4$"), {"prompt": f"{PLAIN}<think>\n\n</think>\n\n"}, {"score": 1.5, "format": 1.0}),
        (response(r"$\frac13$"), {"gold": r"\int_0^1 x^2\,dx", "profile": "paper_instruct+sympy"}, {"score": 1.5}),
        (response(r"$\frac13$"), {"gold": r"\int_0^1 x^2\,dx"}, {"score": 0.0, "status": "gold_unusable"}),
        (response("$9" + "^{9" * 40 + "}" * 40 + "$"), {}, {"acc": 0.0}),
    ],
)
def test_the_manager_pays_by_the_verifier(manager, processor, text, given, expected):
    found = manager.pay(asked(text, processor.tokenizer, **given))
    told = found["reward_extra_info"]
    assert {key: told[key] for key in expected} == expected
    assert found["reward_score"] == told["score"]
    assert list(told) == ["score", "acc", "format", "status", "no_answer", "timeout", "truncated", "length"]


def test_the_manager_deducts_the_penalties_of_its_configuration(processor):
    model = {"actor_rollout_ref": {"model": {"path": MODEL}}}
    config = OmegaConf.create({**model, "mmk12": {"penalties": {"overlong": 1.0, "limit": 1}}})
    with asyncio.Runner() as runner:

        async def create():
            return RewardManager(config, hf_tokenizer(MODEL), None)

        manager = runner.run(create())
        result = runner.run(manager.run_single(asked(response("$4$"), processor.tokenizer)))
        for pool in manager._pools.values():
            pool.close()
    assert result["reward_score"] == 0.5
    fields = result["reward_extra_info"]
    assert (fields["score"], fields["repetition"], fields["overlong"]) == (0.5, 0.0, -1.0)


def test_plain_verl_finds_the_reward_by_its_path_and_pays_it(processor):
    """verl's own manager, as `custom_reward_function` configures it, without our plugin's manager."""
    function = {"path": "pkg://mmk12.rewards.verl", "name": "compute_score"}
    manager = {"source": "register", "name": "naive"}
    config = OmegaConf.create({"reward": {"custom_reward_function": function, "reward_manager": manager}})
    with asyncio.Runner() as runner:

        async def create():
            return load_reward_manager(config, hf_tokenizer(MODEL))

        naive = runner.run(create())
        choices = {"answer_type": "choice", "choices": np.array(["x", "y"]), "precision": None}
        data = asked(response("y"), processor.tokenizer, gold="B", profile="paper_zero", extra=choices)
        result = runner.run(naive.run_single(data))
    assert result["reward_score"] == 2.0
    assert result["reward_extra_info"]["status_correct"] == 1.0


def test_a_worker_that_dies_costs_no_reward(manager, processor):
    good = asked(response("$4$"), processor.tokenizer)
    manager.pay(good)
    (worker,) = manager.pools["paper_instruct"].workers
    worker.process.kill()
    worker.process.wait()
    assert manager.pay(good)["reward_score"] == 1.5


def test_what_the_manager_returned_is_read_back_from_the_queue():
    """The queue's rows as verl's agent loop puts them in."""
    rows = [
        {"extra_fields": {"reward_extra_info": {"acc": acc}, "turn_scores": []}, "extra_info": {"id": f"toy/{at}"}}
        for at, acc in enumerate((1.0, 0.0))
    ]
    queue = SimpleNamespace(kv_batch_get=lambda **_: list_of_dict_to_tensordict(rows))
    assert read_rewards(queue, ["p_0_0", "p_1_0"], "train") == [({"acc": 1.0}, "toy/0"), ({"acc": 0.0}, "toy/1")]


def test_rollouts_by_transformers_are_registered():
    from verl.workers.rollout.base import get_rollout_class
    from verl.workers.rollout.replica import RolloutReplicaRegistry

    assert get_rollout_class("hf_server").__name__ == "HfAdapter"
    assert RolloutReplicaRegistry.get("hf_server").__name__ == "HfReplica"


def test_verl_takes_the_processor_and_leaves_text_models_alone(processor, tmp_path):
    assert type(processor).__name__ == "InternVLProcessor"
    assert processor.config.model_type == "internvl"
    assert not hasattr(processor, "get_rope_index"), "InternVL counts positions by tokens"
    hf_tokenizer(MODEL).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "qwen2"}')
    assert hf_processor(str(tmp_path)) is None


def test_the_estimator_is_beside_verls_own():
    from verl.trainer.ppo.core_algos import get_adv_estimator_fn

    assert get_adv_estimator_fn("rloo_whiten") is not get_adv_estimator_fn("rloo")
