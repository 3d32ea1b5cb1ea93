"""The configuration of a remote InternVL, for engines that have the model and not its configuration (vLLM).

This file travels with a checkpoint that `mmk12 convert` made. It is not OpenGVLab's; where the model itself has to run
under transformers, copy that instead, with `mmk12 convert --like`.
"""

from transformers import LlamaConfig, PretrainedConfig, Qwen2Config


class InternVisionConfig(PretrainedConfig):  # type: ignore[misc]
    """The vision tower, InternViT."""

    model_type = "intern_vit_6b"


class InternLM2Config(LlamaConfig):  # type: ignore[misc]
    """The text tower of InternVL2.5-2B, 8B and 26B: Llama under other names."""

    model_type = "internlm2"


class InternVLChatConfig(PretrainedConfig):  # type: ignore[misc]
    """Both towers and how pictures are tiled."""

    model_type = "internvl_chat"
    has_no_defaults_at_init = True

    def __init__(self, vision_config=None, llm_config=None, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN204
        super().__init__(**kwargs)
        text = dict(llm_config or {})
        self.vision_config = InternVisionConfig(**(vision_config or {}))
        self.llm_config = (InternLM2Config if text.get("model_type") == "internlm2" else Qwen2Config)(**text)
