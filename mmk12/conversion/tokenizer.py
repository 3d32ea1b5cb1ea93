"""The tokenizer of either layout: the same words and ids, other names for the tokens of pictures.

A native tokenizer names them (`context_image_token` and so on) and its chat template takes pictures as parts of a
message. A remote one knows neither: its chat template takes text, in which the caller has written `<image>`. The
beginning of a text, where a model knows one, is written by the template in both, so that it stands there once whatever
tokenizes the text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmk12.conversion.config_keys import Config, refuse_unless, section
from mmk12.errors import BadInput, MissingData, ModelError
from mmk12.inference.checkpoint import load_part
from mmk12.utils import storage

END_OF_TURN = "<|im_end|>"
IMAGE_TOKEN = "<IMG_CONTEXT>"
_NAMED = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": IMAGE_TOKEN}
_VIDEO = ("<video>", "<|video_pad|>")
"""What may stand for a video: the processor wants a name for it, and a word with an id of its own is safest."""

_BEGIN = "{{ bos_token }}"
_TURN = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
_END = "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
_TEXT = "{{ message['content'] }}"
_PARTS = (
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\n' }}"
    "{% elif part['type'] == 'video' %}{{ '%VIDEO%\n' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
)

REMOTE_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "tokenizer.model"),
)


def load_native_tokenizer(folder: Path, tower: str) -> Any:
    """A remote checkpoint's tokenizer, picture tokens named. Raises `MissingData`, `BadInput` or `ModelError`."""
    load = _internlm2(folder) if tower == "internlm2" else _qwen2(folder)
    words = load()
    for token in (*_NAMED.values(), END_OF_TURN):
        token_id(words, token)
    known = words.get_vocab()
    video = next((token for token in _VIDEO if token in known), _VIDEO[0])
    return load(**_NAMED, video_token=video, eos_token=END_OF_TURN, padding_side="left")


def token_id(tokenizer: Any, token: str) -> int:
    """The id of a word that every InternVL has. Raises `ModelError`."""
    found = tokenizer.get_vocab().get(token)
    if found is None:
        raise ModelError(f"The tokenizer has no {token}: it is not that of an InternVL chat model.")
    return int(found)


def to_native_template(tokenizer: Any) -> str:
    """The chat template that takes pictures as parts of a message."""
    parts = _PARTS.replace("%VIDEO%", tokenizer.video_token)
    return (_BEGIN if tokenizer.bos_token else "") + _TURN + parts + _END


def write_remote(folder: Path, out: Path) -> None:
    """The tokenizer of a native checkpoint as a remote one, in `out`. Raises `MissingData` or `BadInput`."""
    found = [name for name in REMOTE_FILES if (folder / name).is_file()]
    if "tokenizer_config.json" not in found:
        raise MissingData(f"{folder} has no tokenizer_config.json.")
    for name in found:
        storage.write_bytes(out / name, (folder / name).read_bytes())
    told = _settings(folder)
    for name in ("processor_class", "backend", "chat_template"):
        told.pop(name, None)
    if told.get("tokenizer_class") == "TokenizersBackend":  # a name that older transformers do not have
        told["tokenizer_class"] = "PreTrainedTokenizerFast"
    if not told.get("extra_special_tokens"):  # a list here stops older ones
        told.pop("extra_special_tokens", None)
    storage.write_json(out / "tokenizer_config.json", told)
    storage.write_text(out / "chat_template.jinja", (_BEGIN if told.get("bos_token") else "") + _TURN + _TEXT + _END)


def _settings(folder: Path) -> Config:
    path = folder / "tokenizer_config.json"
    return section(storage.read_json(path), str(path))


def _qwen2(folder: Path) -> Callable[..., Any]:
    """What loads a tokenizer that transformers knows; options become part of it.

    By the class that the folder names: transformers' own search would ask whether to run the checkpoint's code.
    """
    import transformers

    named = str(_settings(folder).get("tokenizer_class", ""))
    made = transformers.Qwen2Tokenizer if named.startswith("Qwen2") else transformers.PreTrainedTokenizerFast
    return partial(load_part, "tokenizer", str(folder), made)


def _internlm2(folder: Path) -> Callable[..., Any]:
    """What makes a fast tokenizer of InternLM2's SentencePiece model; upstream does this in code of its own.

    The words that training gave new names (`<|im_end|>` for `[UNUSED_TOKEN_145]`) keep their ids.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    told = _settings(folder)
    path = folder / "tokenizer.json"
    tokens = Tokenizer.from_file(str(path)) if path.is_file() else _from_pieces(folder / "tokenizer.model", told)
    words = {
        name: _decode_piece(told[name])
        for name in ("bos_token", "eos_token", "pad_token", "unk_token")
        if told.get(name)
    }
    special = [_decode_piece(word) for word in told.get("added_tokens_decoder", {}).values()]
    return partial(PreTrainedTokenizerFast, **{"tokenizer_object": tokens, "extra_special_tokens": special, **words})


def _from_pieces(path: Path, told: Config) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
    from transformers.convert_slow_tokenizer import SentencePieceExtractor

    if not path.is_file():
        raise MissingData(f"{path.parent} has neither tokenizer.json nor {path.name}.")
    try:
        extractor = SentencePieceExtractor(str(path))
    except ImportError:
        raise ModelError(
            f"Reading {path} takes two packages: pip install 'mmk12[convert]'. "
            "Or give a native checkpoint of the same family with --like."
        ) from None
    pieces = [piece.piece for piece in extractor.proto.pieces]
    added = {
        int(place): _decode_piece(word)
        for place, word in section(told.get("added_tokens_decoder", {}), str(path)).items()
    }
    names = [added.get(place, piece) for place, piece in enumerate(pieces)]
    made = Tokenizer(
        models.BPE(
            {name: place for place, name in enumerate(names)},
            extractor.extract(models.BPE)["merges"],
            unk_token=names[extractor.proto.trainer_spec.unk_id],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    made.add_special_tokens([AddedToken(added[place], normalized=False, special=True) for place in sorted(added)])
    wrong = [name for place, name in added.items() if made.token_to_id(name) != place]
    if wrong:
        raise BadInput(f"{path.parent} gives {wrong[0]} another id than its tokenizer.model.")
    prefix = [normalizers.Prepend("▁")] if extractor.proto.normalizer_spec.add_dummy_prefix else []
    made.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", "▁")])
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    return made


def _decode_piece(value: Any) -> str:
    """A token as tokenizer_config.json gives it: its text, or an object around it."""
    return str(value.get("content")) if isinstance(value, dict) else str(value)


# Tiling, the one thing that both layouts say about pictures: how large a tile is, and how many there may be.


IMAGE_MEAN, IMAGE_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_FILES = ("processor_config.json", "preprocessor_config.json")


@dataclass(frozen=True, slots=True)
class Tiling:
    """`side` in pixels; `smallest` and `largest` count tiles without the thumbnail. Without `dynamic`, one tile."""

    side: int
    dynamic: bool
    smallest: int
    largest: int


def tiling_of_remote(config: Config) -> Tiling:
    """The tiling of a remote config.json. Raises `ModelError` where there is no thumbnail to go with the tiles."""
    dynamic, largest = bool(config.get("dynamic_image_size", False)), config.get("max_dynamic_patch", 6)
    thumbnail = config.get("use_thumbnail", False) or not dynamic or largest == 1
    refuse_unless(thumbnail, "tiles without a thumbnail", "transformers always adds it")
    side = section(config.get("vision_config"), "vision_config").get("image_size", 224)
    numbers = (side, config.get("min_dynamic_patch", 1), largest)
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        raise BadInput("config.json counts tiles or pixels in something else than positive numbers.")
    return Tiling(side, dynamic, *numbers[1:])


def tiling_of_native(folder: Path) -> Tiling:
    """The tiling of a native checkpoint's image processor. Raises `MissingData`, `BadInput` or `ModelError`."""
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        raise MissingData(f"{folder} has no {' and no '.join(_FILES)}.")
    told = section(storage.read_json(path), str(path))
    told = section(told.get("image_processor", told), f"{path}: image_processor")
    size = told.get("size")
    sides = set(size.values()) if isinstance(size, dict) else set()
    numbers = (*sides, told.get("min_patches", 1), told.get("max_patches", 12))
    if len(sides) != 1 or not all(isinstance(number, int) and number > 0 for number in numbers):
        raise BadInput(f"{path} names no square size of tiles, or no number of them.")
    normal = told.get("image_mean") == IMAGE_MEAN and told.get("image_std") == IMAGE_STD
    refuse_unless(normal, "its own mean and deviation of pixels", "OpenGVLab's code has those of ImageNet built in")
    # The processor of InternVL cuts tiles unless it is told not to.
    return Tiling(numbers[0], told.get("crop_to_patches", True) is True, numbers[1], numbers[2])


def make_native_processor(tiling: Tiling, tokenizer: Any, image_seq_length: int, chat_template: str) -> Any:
    """transformers' `InternVLProcessor` with that tiling."""
    from transformers.models.got_ocr2 import GotOcr2ImageProcessor
    from transformers.models.internvl import InternVLProcessor, InternVLVideoProcessor

    size = {"height": tiling.side, "width": tiling.side}
    normal = {"image_mean": IMAGE_MEAN, "image_std": IMAGE_STD}
    # A call cuts tiles whatever the file says; with one tile at most it makes no difference.
    smallest, largest = (tiling.smallest, tiling.largest) if tiling.dynamic else (1, 1)
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(
            size=size, crop_to_patches=tiling.dynamic, min_patches=smallest, max_patches=largest, **normal
        ),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size, **normal),
        image_seq_length=image_seq_length,
        chat_template=chat_template,
    )
