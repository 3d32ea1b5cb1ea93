"""The vLLM backend: HF-native InternVL, remote-code `InternVLChatModel`, and any other vision-language model it runs.

Sampling is that of the transformers backend: the checkpoint's own sampling defaults never apply, tokens that stand for
images are never sampled, and a response ends at the checkpoint's own stop tokens.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pydantic

from mmk12.errors import MissingExtra, ModelError, UnknownName, first_line
from mmk12.inference.chat_template import ChatTemplate
from mmk12.inference.checkpoint import (
    LOADING_ERRORS,
    has_gpu,
    hash_weights,
    import_torchvision,
    load_part,
    needs_remote_code,
    read_generation_config,
    read_stop_ids,
    read_token_ids,
)
from mmk12.inference.engine import EngineStopped, request_seed, run_engine
from mmk12.types import IMAGE_MARK, Completion, GenerationFailure, Message, Request
from mmk12.utils.images import ImageStore

# Only symbols that exist in vLLM 0.24 and in 0.32 alike are used in this file.

for _name, _value in (
    ("VLLM_LOGGING_STREAM", "ext://sys.stderr"),  # standard output is for results
    ("VLLM_LOGGING_LEVEL", "ERROR"),
    ("VLLM_NO_USAGE_STATS", "1"),
):
    os.environ.setdefault(_name, _value)
try:
    if not has_gpu():
        # One process: starting a second one takes longer than a small evaluation, and there is no GPU to keep busy.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    import_torchvision()
    with warnings.catch_warnings():  # of the libraries, about each other
        warnings.simplefilter("ignore", FutureWarning)
        import torch
        import transformers
        import vllm
        from vllm.exceptions import VLLMValidationError
        from vllm.platforms import current_platform
        from vllm.sampling_params import RequestOutputKind
        from vllm.usage.usage_lib import UsageContext
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError
except ImportError:
    raise MissingExtra("The vllm backend", "gpu") from None

VERSIONS = f"vllm-{vllm.__version__} transformers-{transformers.__version__} torch-{torch.__version__}"

DEFAULTS = {
    "generation_config": "vllm",  # not the checkpoint's
    "limit_mm_per_prompt": {"image": 16, "video": 0},
    "max_num_seqs": 256,
    "disable_log_stats": True,
    "use_tqdm_on_load": False,
}
CPU_DEFAULTS = {
    "dtype": "float32",  # as the transformers backend; half precision is slow there, and less exact
    "enforce_eager": True,  # compiling takes longer than a small evaluation
    "enable_chunked_prefill": False,  # vLLM 0.32 on a CPU fails on requests with a seed whose prompt came in chunks
    "kv_cache_memory_bytes": 2 * 2**30,  # not most of the machine
}
SPEED_ONLY = frozenset(
    {
        *("kv_cache_memory_bytes", "gpu_memory_utilization", "max_num_seqs", "max_num_batched_tokens", "block_size"),
        *("enable_prefix_caching", "mm_processor_cache_gb", "enforce_eager", "enable_chunked_prefill", "swap_space"),
        *("distributed_executor_backend", "limit_mm_per_prompt", "download_dir"),
    }
)
"""Settings that change speed and not texts: they are no part of the fingerprint, so a run may go on with others."""
REQUEST_ERRORS = (VLLMValidationError, ValueError, TypeError, LookupError, AssertionError, RuntimeError, OSError)
"""The errors of a request that vLLM cannot serve: too long a prompt, an image that its processor refuses."""
ENGINE_ERRORS = (EngineDeadError, EngineGenerateError, *LOADING_ERRORS, IndexError)
"""The errors after which the engine cannot go on."""


def check_options(options: Iterable[str]) -> None:
    """Raises `UnknownName` for an option that is not an argument of the installed vLLM's engine."""
    known = [field.name for field in dataclasses.fields(vllm.EngineArgs)]
    for name in options:
        if name not in known:
            raise UnknownName("vLLM engine argument", name, known)


def start_engine(model: str, arguments: Mapping[str, Any]) -> Any:
    """Starts a `vllm.LLMEngine` of `model`; `arguments` override the defaults. Raises `ModelError`."""
    transformers.logging.set_verbosity_error()
    defaults = {**DEFAULTS, **(CPU_DEFAULTS if current_platform.is_cpu() else {})}
    try:
        settings = vllm.EngineArgs(model=model, **{**defaults, **arguments})
        return vllm.LLMEngine.from_engine_args(settings, usage_context=UsageContext.LLM_CLASS)
    except (VLLMValidationError, *LOADING_ERRORS) as error:
        raise ModelError(f"vLLM does not start {model}: {describe_error(error)}") from error


def describe_error(error: Exception) -> str:
    """Describes an error in one line; of a pydantic error, the first message instead of its headline."""
    if isinstance(error, pydantic.ValidationError):
        first = error.errors(include_url=False)[0]
        named = ".".join(map(str, first["loc"][:1]))
        return (f"{named}: " if named else "") + first["msg"].removeprefix("Value error, ").splitlines()[0]
    return first_line(error)


_INLINE = {"InternVLChatModel": "<image>\n"}
"""Architectures whose template handles only text, and the text for an image (upstream: their method `chat`)."""
_WAITING = 32
"""The number of requests that wait in the engine, so that a free place is taken at once."""


class VllmBackend:
    """One copy of a model, on `tensor_parallel` devices; requests are added while others run.

    `options` are fields of vLLM's `EngineArgs`. Raises `ModelError` when the engine does not start, `UnknownName`
    for an option that it does not have.
    """

    def __init__(
        self, model: str, store: ImageStore, *, tensor_parallel: int = 1, options: Mapping[str, Any] | None = None
    ) -> None:
        chosen = dict(options or {})
        check_options(chosen)
        config = read_generation_config(model)
        code = needs_remote_code(config)
        trust = {"trust_remote_code": code is not None}
        inline = _INLINE.get((config.get("architectures") or [""])[0])
        if inline is not None:
            owner = load_part("tokenizer", model, transformers.AutoTokenizer, **trust)
        else:
            owner = load_part("processor", model, transformers.AutoProcessor, **trust)
        if not getattr(owner, "chat_template", None):
            raise ModelError(f"{model} has no chat template. Copy chat_template.jinja from the base model's folder.")
        self._store = store
        self._tokenizer: Any = getattr(owner, "tokenizer", owner)
        self._chat = ChatTemplate(owner, IMAGE_MARK if inline else getattr(owner, "image_token", IMAGE_MARK), inline)
        self._engine = start_engine(model, {"tensor_parallel_size": tensor_parallel, **trust, **chosen})
        renderer = self._engine.renderer
        # The chat template writes all special tokens itself.
        self._tokenizing = renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False)
        settings = self._engine.model_config
        ends = read_stop_ids(model) or read_token_ids(self._tokenizer.eos_token_id)
        self._stops = sorted(ends | self._chat.turn_end_ids())
        placeholders = self._chat.placeholder_ids(settings.hf_config) - {*self._stops}
        self._banned = dict.fromkeys(sorted(placeholders), float("-inf"))
        self.capacity = self._engine.vllm_config.scheduler_config.max_num_seqs + _WAITING
        self._held: dict[str, Request] = {}
        self._failed: list[GenerationFailure] = []
        self.fingerprint = " ".join(
            (
                f"{VERSIONS} {str(settings.dtype).removeprefix('torch.')} {hash_weights(model)}",
                *(f"{name}={value}" for name, value in sorted(chosen.items()) if name not in SPEED_ONLY),
                *((f"remote-code:{code}",) if code else ()),
            )
        )

    def render(self, messages: Sequence[Message]) -> str:
        """Renders the prompt by the model's own chat template; raises `PromptError`."""
        return self._chat.render(messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        """Yields completions as they come."""
        return run_engine(self, requests)

    def add(self, request: Request) -> None:
        """Adds a request; one that vLLM refuses is returned as a failure by the next step."""
        marks = self._chat.marks(request.prompt)
        if marks != len(request.images):  # vLLM would silently leave the surplus mark in the text
            reason = f"{marks} image marks for {len(request.images)} images"
            self._failed.append(GenerationFailure(request.key, request.id, reason))
            return
        prompt: dict[str, Any] = {"prompt": request.prompt}
        if request.images:
            prompt["multi_modal_data"] = {"image": [self._store.open(image) for image in request.images]}
        try:
            (rendered,) = self._engine.renderer.render_cmpl([prompt], self._tokenizing)
            self._engine.add_request(request.key, rendered, self._parameters(request))
        except EngineDeadError as error:
            raise EngineStopped(describe_error(error)) from error
        except REQUEST_ERRORS as error:
            # vLLM may now believe that its engine has the images, and would not send them with a later request.
            self._engine.reset_mm_cache()
            self._failed.append(GenerationFailure(request.key, request.id, describe_error(error)))
        else:
            self._held[request.key] = request

    def step(self) -> list[Completion | GenerationFailure]:
        """Runs one step of the engine and returns what is finished."""
        answers: list[Completion | GenerationFailure] = [*self._failed]
        self._failed.clear()
        if not self._held:
            return answers
        try:
            outputs = self._engine.step()
        except ENGINE_ERRORS as error:
            raise EngineStopped(describe_error(error)) from error
        return answers + [self._answer(output) for output in outputs if output.finished]

    def _answer(self, output: Any) -> Completion | GenerationFailure:
        request, (result,) = self._held.pop(output.request_id), output.outputs
        if result.finish_reason not in ("stop", "length"):
            return GenerationFailure(request.key, request.id, f"vLLM ended the response with {result.finish_reason!r}")
        tokens = list(result.token_ids)
        return Completion(
            request.key,
            request.id,
            request.index,
            self._tokenizer.decode(tokens, skip_special_tokens=True),
            result.finish_reason,
            len(output.prompt_token_ids),
            len(tokens),
        )

    def _parameters(self, request: Request) -> Any:
        sampling = request.sampling
        return vllm.SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            repetition_penalty=sampling.repetition_penalty,
            max_tokens=sampling.max_tokens,
            seed=request_seed(request),
            stop_token_ids=self._stops,
            ignore_eos=True,  # the stop tokens say all
            logit_bias=self._banned or None,
            detokenize=False,  # decoded once, at the end
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
