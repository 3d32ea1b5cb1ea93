"""vLLM as a library: HF-native InternVL, remote-code `InternVLChatModel`, and any other vision-language model it runs.

Greedy here is what it is in the transformers backend: the checkpoint's own sampling habits never apply, tokens that
stand for pictures are never sampled, a response ends at the checkpoint's own stop tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmk12.backends._chat import ChatTemplate
from mmk12.backends._checkpoint import configuration, ids, loaded, remote_code, stop_ids, weights_id
from mmk12.backends._feed import EngineStopped, fed, seed
from mmk12.errors import MissingExtra, ModelError
from mmk12.images import ImageStore
from mmk12.types import IMAGE_MARK, Completion, Failure, Message, Request

try:
    from mmk12.backends import _vllm
except ImportError:
    raise MissingExtra("The vllm backend", "gpu") from None

_INLINE = {"InternVLChatModel": "<image>\n"}
"""Architectures whose template knows only text, and what stands for a picture in it (upstream: their `chat()`)."""
_WAITING = 32
"""Requests held beyond those that run, so that a free place is taken at once."""


class VllmBackend:
    """One copy of a model, on `tensor_parallel` devices; requests are added while others run.

    `options` are fields of vLLM's `EngineArgs`. Raises `ModelError` when the engine does not start, `UnknownName`
    for an option that it does not have.
    """

    def __init__(
        self, model: str, store: ImageStore, *, tensor_parallel: int = 1, options: Mapping[str, Any] | None = None
    ) -> None:
        given = dict(options or {})
        _vllm.check(given)
        config = configuration(model)
        code = remote_code(config)
        trust = {"trust_remote_code": code is not None}
        inline = _INLINE.get((config.get("architectures") or [""])[0])
        if inline is not None:
            owner = loaded("tokenizer", model, _vllm.transformers.AutoTokenizer, **trust)
        else:
            owner = loaded("processor", model, _vllm.transformers.AutoProcessor, **trust)
        if not getattr(owner, "chat_template", None):
            raise ModelError(f"{model} has no chat template. Copy chat_template.jinja from the base model's folder.")
        self._store = store
        self._tokenizer: Any = getattr(owner, "tokenizer", owner)
        self._chat = ChatTemplate(owner, IMAGE_MARK if inline else getattr(owner, "image_token", IMAGE_MARK), inline)
        self._engine = _vllm.started(model, {"tensor_parallel_size": tensor_parallel, **trust, **given})
        renderer = self._engine.renderer
        # The chat template writes all special tokens itself.
        self._tokenizing = renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False)
        settings = self._engine.model_config
        ends = stop_ids(model) or ids(self._tokenizer.eos_token_id)
        self._stops = sorted(ends | self._chat.turn_end_ids())
        placeholders = self._chat.placeholder_ids(settings.hf_config) - {*self._stops}
        self._banned = dict.fromkeys(sorted(placeholders), float("-inf"))
        self.capacity = self._engine.vllm_config.scheduler_config.max_num_seqs + _WAITING
        self._held: dict[str, Request] = {}
        self._refused: list[Failure] = []
        self.fingerprint = " ".join(
            (
                f"{_vllm.VERSIONS} {str(settings.dtype).removeprefix('torch.')} {weights_id(model)}",
                *(f"{name}={value}" for name, value in sorted(given.items()) if name not in _vllm.SPEED_ONLY),
                *((f"remote-code:{code}",) if code else ()),
            )
        )

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt after the model's own chat template; raises `PromptError`."""
        return self._chat.render(messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | Failure]:
        """Completions as they come."""
        return fed(self, requests)

    def add(self, request: Request) -> None:
        """Takes a request; one that vLLM refuses is a failure of the next step."""
        marks = self._chat.marks(request.prompt)
        if marks != len(request.images):  # vLLM would leave a mark too many in the text without a word
            reason = f"{marks} image marks for {len(request.images)} images"
            self._refused.append(Failure(request.key, request.id, reason))
            return
        prompt: dict[str, Any] = {"prompt": request.prompt}
        if request.images:
            prompt["multi_modal_data"] = {"image": [self._store.open(image) for image in request.images]}
        try:
            (rendered,) = self._engine.renderer.render_cmpl([prompt], self._tokenizing)
            self._engine.add_request(request.key, rendered, self._parameters(request))
        except _vllm.EngineDeadError as error:
            raise EngineStopped(_vllm.line(error)) from error
        except _vllm.REFUSED as error:
            # vLLM may now believe that its engine has the pictures, and would not send them with a later request.
            self._engine.reset_mm_cache()
            self._refused.append(Failure(request.key, request.id, _vllm.line(error)))
        else:
            self._held[request.key] = request

    def step(self) -> list[Completion | Failure]:
        """Lets the engine work once; what is finished by now."""
        answers: list[Completion | Failure] = [*self._refused]
        self._refused.clear()
        if not self._held:
            return answers
        try:
            outputs = self._engine.step()
        except _vllm.STOPPED as error:
            raise EngineStopped(_vllm.line(error)) from error
        return answers + [self._answer(output) for output in outputs if output.finished]

    def _answer(self, output: Any) -> Completion | Failure:
        request, (made,) = self._held.pop(output.request_id), output.outputs
        if made.finish_reason not in ("stop", "length"):
            return Failure(request.key, request.id, f"vLLM ended the response with {made.finish_reason!r}")
        tokens = list(made.token_ids)
        return Completion(
            request.key,
            request.id,
            request.index,
            self._tokenizer.decode(tokens, skip_special_tokens=True),
            made.finish_reason,
            len(output.prompt_token_ids),
            len(tokens),
        )

    def _parameters(self, request: Request) -> Any:
        sampling = request.sampling
        return _vllm.vllm.SamplingParams(
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            seed=seed(request),
            stop_token_ids=self._stops,
            ignore_eos=True,  # the stop tokens say all
            logit_bias=self._banned or None,
            detokenize=False,  # decoded once, at the end
            output_kind=_vllm.RequestOutputKind.FINAL_ONLY,
        )
