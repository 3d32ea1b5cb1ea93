"""Each export is read by the trainer's own loader. LLaMA-Factory's needs torchaudio, not built for this torch."""

import json
from types import SimpleNamespace

import datasets
import pytest
from transformers import AutoProcessor

from mmk12.curation import build_data
from mmk12.curation.exports import export_for
from mmk12.demo import model_path
from mmk12.rewards.scoring import read_label

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return build_data("demo", out=tmp_path_factory.mktemp("data") / "demo", limit=8).out


@pytest.fixture(scope="module")
def processor():
    return AutoProcessor.from_pretrained(model_path("demo"))


def test_trl_prepares_the_messages_and_finds_a_picture_for_each_part(data, processor, tmp_path):
    from trl.data_utils import is_conversational, prepare_multimodal_messages

    [row, *_] = datasets.load_dataset("parquet", data_files=str(export_for(data, "trl", tmp_path).files[0]))["train"]
    assert is_conversational(row)
    messages = prepare_multimodal_messages(row["prompt"], row["images"])
    given = processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=True)
    text = processor.tokenizer.decode(given["input_ids"][0])
    assert "<image>" not in text
    assert len(given["pixel_values"]) >= 1


def test_swift_loads_rows_with_pictures_and_columns(data, tmp_path):
    from swift.dataset import load_dataset

    path = export_for(data, "swift", tmp_path).files[0]
    rows, _ = load_dataset(str(path), strict=True, remove_unused_columns=False)
    assert len(rows) == len(path.read_text("utf-8").splitlines())
    first = rows[0]
    assert [message["role"] for message in first["messages"]][-1] == "user"
    assert first["messages"][-1]["content"].count("<image>") == len(first["images"]) == 1
    assert first["solution"]
    assert first["profile"] == "paper_instruct"


def test_openrlhf_makes_prompts_with_its_own_dataset(data, processor, tmp_path):
    from openrlhf.datasets.prompts_dataset import PromptDataset
    from openrlhf.utils.vlm_utils import process_prompt_with_images

    path = export_for(data, "openrlhf", tmp_path).files[0]
    keys = SimpleNamespace(input_key="input", label_key="label", image_key="images", apply_chat_template=True)
    strategy = SimpleNamespace(args=SimpleNamespace(data=keys), is_rank_0=lambda: False)
    rows = datasets.load_dataset("json", data_files=str(path), split="train")
    _, prompt, label, images = PromptDataset(rows, processor, strategy)[0]
    ids, tensors, opened = process_prompt_with_images(processor, prompt, images)
    assert len(opened) == 1
    assert tensors["pixel_values"].shape[0] >= 1
    assert len(ids) > 100
    assert read_label(label)["gold"]


def test_llamafactorys_declaration_and_rows_agree(data, tmp_path):
    done = export_for(data, "llamafactory", tmp_path)
    info = json.loads(done.files[-1].read_text())["mmk12_train"]
    rows = datasets.load_dataset("json", data_files=str(tmp_path / info["file_name"]), split="train")
    for row in rows:
        turns = row[info["columns"]["messages"]]
        assert [turn[info["tags"]["role_tag"]] for turn in turns][-2:] == ["user", "assistant"]
        assert sum(turn["content"].count("<image>") for turn in turns) == len(row[info["columns"]["images"]])
