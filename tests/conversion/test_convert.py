"""What a conversion keeps, what it refuses, and what it leaves behind when it is killed."""

import json
import shutil

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from mmk12.cli import app  # noqa: E402
from mmk12.conversion import weights  # noqa: E402
from mmk12.conversion.convert import convert  # noqa: E402
from mmk12.conversion.tensors import FusedQkv  # noqa: E402
from mmk12.demo import model_path  # noqa: E402
from mmk12.errors import BadInput, MissingData, Mmk12Error, ModelError, OutputError  # noqa: E402
from tests.conversion import upstream  # noqa: E402

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return upstream.build(tmp_path_factory.mktemp("made"), upstream.config("internlm2"))


@pytest.fixture
def remote(made, tmp_path):
    return shutil.copytree(made, tmp_path / "remote")


def read(folder, name):
    return json.loads((folder / name).read_text())


def rewritten(folder, change, name="config.json"):
    told = read(folder, name)
    change(told)
    (folder / name).write_text(json.dumps(told))


def retensored(folder, change):
    tensors = upstream.load_file(folder / "model.safetensors")
    change(tensors)
    upstream.save_file(tensors, folder / "model.safetensors")


def test_the_demo_model_comes_back_as_it_was(tmp_path):
    demo, there, back = model_path("demo"), tmp_path / "there", tmp_path / "back"
    assert convert(str(demo), there) == "remote"
    assert convert(str(there), back) == "native"
    for name in ("model.safetensors", "tokenizer.json", "chat_template.jinja"):
        assert (back / name).read_bytes() == (demo / name).read_bytes(), name
    for name in ("config.json", "generation_config.json"):
        assert read(back, name) == read(demo, name), name
    assert (
        read(back, "processor_config.json")["image_processor"] == read(demo, "processor_config.json")["image_processor"]
    )
    assert not any(there.glob(".*")) and not (there / "conversion.json").exists()


def test_the_rows_of_a_fused_projection():
    fused = torch.arange(10)[:, None] * torch.ones(1, 3)
    q, k, v = FusedQkv(2, (3, 1, 1)).split(fused)
    assert [part[:, 0].tolist() for part in (q, k, v)] == [[0, 1, 2, 5, 6, 7], [3, 8], [4, 9]]
    assert torch.equal(FusedQkv(2, (3, 1, 1)).join([q, k, v]), fused)


def test_every_tensor_keeps_its_type(remote, tmp_path):
    def half(tensors):
        for number, name in enumerate(tensors):
            tensors[name] = tensors[name].to((torch.bfloat16, torch.float16, torch.float32)[number % 3])

    retensored(remote, half)
    convert(str(remote), tmp_path / "native")
    convert(str(tmp_path / "native"), tmp_path / "back")
    before, after = (upstream.load_file(folder / "model.safetensors") for folder in (remote, tmp_path / "back"))
    assert {name: one.dtype for name, one in before.items()} == {name: one.dtype for name, one in after.items()}


def test_shards_are_small_and_a_killed_conversion_goes_on(remote, tmp_path, monkeypatch):
    out, save, saved = tmp_path / "out", weights._save, []

    def killed(tensors, path):
        if len(saved) == 3:
            raise KeyboardInterrupt
        save(tensors, path)
        saved.append(path.name)

    monkeypatch.setattr(weights, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(str(remote), out, shard_bytes=200_000)
    assert not (out / "config.json").exists()
    first = (out / saved[0]).stat().st_mtime_ns
    monkeypatch.setattr(weights, "_save", save)
    convert(str(remote), out, shard_bytes=200_000)
    assert (out / saved[0]).stat().st_mtime_ns == first
    index = read(out, "model.safetensors.index.json")
    shards = sorted(out.glob("*.safetensors"))
    assert {path.name for path in shards} == set(index["weight_map"].values())
    assert len(shards) > 3
    assert index["metadata"]["total_size"] == sum(one.size for one in weights.list_stored_tensors(remote).values())
    convert(str(out), tmp_path / "back")
    before, after = (upstream.load_file(folder / "model.safetensors") for folder in (remote, tmp_path / "back"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_no_code_of_a_checkpoint_runs(remote, tmp_path):
    (remote / "configuration_internvl_chat.py").write_text("raise SystemExit('the code of the checkpoint ran')")
    rewritten(remote, lambda told: told.update(auto_map={"AutoTokenizer": ["x.Y", None]}), "tokenizer_config.json")
    assert convert(str(remote), tmp_path / "native") == "native"


def test_companions_come_from_a_checkpoint_like_it(remote, tmp_path):
    convert(str(remote), tmp_path / "native")
    shutil.copytree(tmp_path / "native", tmp_path / "like")
    (tmp_path / "like" / "chat_template.jinja").write_text("{{ messages }}")
    convert(str(remote), tmp_path / "out", like=str(tmp_path / "like"))
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == "{{ messages }}"
    with pytest.raises(ModelError, match="has the layout of"):
        convert(str(remote), tmp_path / "no", like=str(remote))
    (remote / "modeling_internvl_chat.py").write_text("code = 1")
    rewritten(remote, lambda told: told["auto_map"].update(AutoModel="modeling_internvl_chat.InternVLChatModel"))
    convert(str(tmp_path / "native"), tmp_path / "back", like=str(remote))
    assert (tmp_path / "back" / "modeling_internvl_chat.py").read_text() == "code = 1"
    assert read(tmp_path / "back", "config.json")["auto_map"] == read(remote, "config.json")["auto_map"]


def test_a_response_ends_where_the_template_ends_a_turn(remote, tmp_path):
    (remote / "generation_config.json").write_text('{"eos_token_id": [7, 8], "temperature": 0.6}')
    convert(str(remote), tmp_path / "native")
    words = transformers.AutoTokenizer.from_pretrained(tmp_path / "native")
    told = read(tmp_path / "native", "generation_config.json")
    assert told["eos_token_id"] == [7, 8, words.convert_tokens_to_ids("<|im_end|>")]
    assert (words.eos_token, told["temperature"]) == ("<|im_end|>", 0.6)


REFUSED = {
    "ps_version v1": lambda told: told.update(ps_version="v1"),
    "select_layer": lambda told: told.update(select_layer=-4),
    "pad2square": lambda told: told.update(pad2square=True),
    "LoRA": lambda told: told.update(use_llm_lora=16),
    "force_image_size 224": lambda told: told.update(force_image_size=224),
    "without a thumbnail": lambda told: told.update(use_thumbnail=False),
    "Phi3ForCausalLM": lambda told: told["llm_config"].update(architectures=["Phi3ForCausalLM"]),
    "RoPE scaling 'yarn'": lambda told: told["llm_config"].update(rope_scaling={"type": "yarn"}),
    "quantised weights": lambda told: told["llm_config"].update(quantization_config={"bits": 4}),
    "normalised queries": lambda told: told["vision_config"].update(qk_normalization=True, layer_norm_eps=1e-5),
    "type llava": lambda told: told.update(model_type="llava"),
    "vision_config is not": lambda told: told.update(vision_config=3),
    "no llm_config.hidden_size": lambda told: told["llm_config"].pop("hidden_size"),
    "not that of an InternVL": lambda told: told["llm_config"].update(hidden_size="wide"),
    "image token is 1022": lambda told: told["llm_config"].update(vocab_size=1000),
    "leads to": lambda told: told["llm_config"].update(vocab_size=1025),
    "cannot share": lambda told: told["llm_config"].update(num_key_value_heads=5),
    "0 keys": lambda told: told["llm_config"].update(num_key_value_heads=0),
    "is 96 x 64; its": lambda told: told["llm_config"].update(num_key_value_heads=1),
    "lacks the tensor": lambda told: told["llm_config"].update(num_hidden_layers=3),
    "does not have": lambda told: told["llm_config"].update(num_hidden_layers=1),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_the_native_layout_cannot_say(told, remote, tmp_path):
    rewritten(remote, REFUSED[told])
    with pytest.raises(Mmk12Error, match=told):
        convert(str(remote), tmp_path / "out")
    assert not any((tmp_path / "out").glob("*")), "another try may use the folder"


UNSAID = {
    "vision_feature_layer": lambda told: told.update(vision_feature_layer=-2),
    "projector activation": lambda told: told.update(projector_hidden_act="relu"),
    "not square": lambda told: told["vision_config"].update(image_size=[56, 112]),
    "feed-forward": lambda told: told["text_config"].update(mlp_bias=True),
    "heads of 16": lambda told: told["text_config"].update(head_dim=16),
    "text tower mistral": lambda told: told["text_config"].update(model_type="mistral"),
}


@pytest.mark.parametrize("told", UNSAID)
def test_what_the_remote_layout_cannot_say(told, remote, tmp_path):
    convert(str(remote), tmp_path / "native")
    rewritten(tmp_path / "native", UNSAID[told])
    with pytest.raises(ModelError, match=told):
        convert(str(tmp_path / "native"), tmp_path / "out")


def test_tensors_that_do_not_fit_are_named(remote, tmp_path):
    retensored(remote, lambda tensors: tensors.update(rotary=torch.ones(1)))
    with pytest.raises(BadInput, match="holds the tensor rotary"):
        convert(str(remote), tmp_path / "one")
    retensored(remote, lambda tensors: (tensors.pop("rotary"), tensors.pop("mlp1.0.bias")))
    with pytest.raises(BadInput, match=r"lacks the tensor mlp1\.0\.bias"):
        convert(str(remote), tmp_path / "two")
    retensored(remote, lambda tensors: tensors.update({"mlp1.0.bias": torch.ones(5)}))
    with pytest.raises(BadInput, match=r"layer_norm\.bias is 5; its config\.json leads to 192"):
        convert(str(remote), tmp_path / "shape")
    retensored(remote, lambda tensors: tensors.pop("language_model.output.weight"))
    with pytest.raises(BadInput, match=r"lacks the tensor language_model\.output\.weight"):
        convert(str(remote), tmp_path / "head")
    (remote / "model.safetensors").write_bytes((remote / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(BadInput, match="cut short"):
        convert(str(remote), tmp_path / "three")
    (remote / "model.safetensors").rename(remote / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickles"):
        convert(str(remote), tmp_path / "four")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (remote / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(MissingData, match="lacks 1 of its 1 shards"):
        convert(str(remote), tmp_path / "five")


def test_a_folder_in_use_is_not_written_to(remote, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(OutputError, match="is not empty"):
        convert(str(remote), tmp_path / "mine")


def test_the_command(remote, tmp_path):
    done = CliRunner().invoke(app, ["convert", str(remote), str(tmp_path / "native")])
    assert done.exit_code == 0, done.output
    assert "is in transformers' layout" in done.output
    with pytest.raises(MissingData, match="is no folder"):
        CliRunner().invoke(app, ["convert", "no/such/folder", str(tmp_path / "x")], catch_exceptions=False)
