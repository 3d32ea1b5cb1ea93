"""Remote-code `InternVLChatModel`, the form in which MM-Eureka was published: a tiny one with random weights."""

import json
import subprocess
import sys

import pytest

from mmk12.demo import model_path

CODE = """
from transformers import PretrainedConfig, Qwen2Config

class InternVisionConfig(PretrainedConfig):
    model_type = "intern_vit_6b"

class InternVLChatConfig(PretrainedConfig):
    model_type = "internvl_chat"
    has_no_defaults_at_init = True

    def __init__(self, vision_config=None, llm_config=None, **kwargs):
        super().__init__(**kwargs)
        self.vision_config = InternVisionConfig(**(vision_config or {}))
        self.llm_config = Qwen2Config(**(llm_config or {}))
"""

CONFIG = """{
  "architectures": ["InternVLChatModel"],
  "model_type": "internvl_chat",
  "auto_map": {"AutoConfig": "configuration_internvl_chat.InternVLChatConfig"},
  "llm_config": {
    "architectures": ["Qwen2ForCausalLM"], "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 1024
  },
  "vision_config": {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 56,
    "patch_size": 14, "num_channels": 3, "hidden_act": "gelu", "norm_type": "layer_norm", "layer_norm_eps": 1e-6,
    "qkv_bias": true, "qk_normalization": false, "initializer_factor": 1.0
  },
  "select_layer": -1, "downsample_ratio": 0.5, "ps_version": "v2", "force_image_size": 56, "template": "internvl2_5",
  "dynamic_image_size": true, "use_thumbnail": true, "min_dynamic_patch": 1, "max_dynamic_patch": 2
}"""

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint folder as OpenGVLab lays it out; vLLM is told to draw the weights."""
    path = tmp_path_factory.mktemp("chatmodel")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (path / name).write_bytes((model_path("demo") / name).read_bytes())
    (path / "chat_template.jinja").write_text(TEMPLATE)
    (path / "configuration_internvl_chat.py").write_text(CODE)
    vocabulary = json.loads((path / "tokenizer.json").read_text())
    size = 1 + max([*vocabulary["model"]["vocab"].values(), *(one["id"] for one in vocabulary["added_tokens"])])
    config = json.loads(CONFIG)
    config["llm_config"]["vocab_size"] = size
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_an_evaluation_runs_and_names_the_code_that_it_ran(folder, tmp_path):
    command = [
        *(sys.executable, "-m", "mmk12", "eval", "--model", str(folder), "--backend", "vllm", "--benchmarks", "demo"),
        *("--limit", "3", "--max-tokens", "8", "--engine", "load_format=dummy", "--out", str(tmp_path / "run")),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    assert settings["fingerprint"].endswith("remote-code:configuration_internvl_chat.InternVLChatConfig")
    assert "load_format=dummy" in settings["fingerprint"], "random weights are no others' weights"
    rows = [json.loads(line) for line in (tmp_path / "run" / "completions.jsonl").read_text().splitlines()]
    assert len(rows) == 3
    assert all(row["finish_reason"] in ("stop", "length") for row in rows)


def test_the_prompt_is_written_as_upstream_writes_it(folder):
    import transformers

    from mmk12.inference.chat_template import ChatTemplate
    from mmk12.inference.prompts import render_chat

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    template = ChatTemplate(tokenizer, "<image>", "<image>\n")
    prompt = template.render(render_chat("plain", "<image>How long is $AB$?", 1))
    assert prompt.endswith("<|im_start|>user\n<image>\nHow long is $AB$?<|im_end|>\n<|im_start|>assistant\n")
    assert template.marks(prompt) == 1
