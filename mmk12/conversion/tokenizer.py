"""Converts tokenizer, chat template and image processor between the two layouts; vocabulary and ids stay the same.

A native tokenizer has names for the image tokens (`context_image_token` and so on), and its chat template takes images
as parts of a message. A remote tokenizer has no such names, and its chat template takes text in which the caller has
written `<image>`. In both, the template writes the begin-of-text token, so that it appears once, whatever tokenizes the
text.
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
"""Candidates for the video token that the processor requires; one that has its own id is preferred."""

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
    """Loads the tokenizer of a remote checkpoint, with names for the image tokens.

    `tower` is the text tower, `qwen2` or `internlm2`. Raises `MissingData`, `BadInput` or `ModelError`.
    """
    load = _internlm2_loader(folder) if tower == "internlm2" else _qwen2_loader(folder)
    tokenizer = load()
    for token in (*_NAMED.values(), END_OF_TURN):
        token_id(tokenizer, token)
    vocabulary = tokenizer.get_vocab()
    video = next((token for token in _VIDEO if token in vocabulary), _VIDEO[0])
    return load(**_NAMED, video_token=video, eos_token=END_OF_TURN, padding_side="left")


def token_id(tokenizer: Any, token: str) -> int:
    """Returns the id of a token that every InternVL has. Raises `ModelError` if it is missing."""
    id_ = tokenizer.get_vocab().get(token)
    if id_ is None:
        raise ModelError(f"The tokenizer has no {token}: it is not that of an InternVL chat model.")
    return int(id_)


def to_native_template(tokenizer: Any) -> str:
    """Returns the chat template that takes images as parts of a message."""
    parts = _PARTS.replace("%VIDEO%", tokenizer.video_token)
    return (_BEGIN if tokenizer.bos_token else "") + _TURN + parts + _END


def write_remote(folder: Path, out: Path) -> None:
    """Writes the tokenizer of the native checkpoint `folder` as a remote one into `out`.

    Raises `MissingData` or `BadInput`.
    """
    names = [name for name in REMOTE_FILES if (folder / name).is_file()]
    if "tokenizer_config.json" not in names:
        raise MissingData(f"{folder} has no tokenizer_config.json.")
    for name in names:
        storage.write_bytes(out / name, (folder / name).read_bytes())
    settings = _read_settings(folder)
    for name in ("processor_class", "backend", "chat_template"):
        settings.pop(name, None)
    if settings.get("tokenizer_class") == "TokenizersBackend":  # a name that older transformers do not have
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    if not settings.get("extra_special_tokens"):  # older transformers fail on an empty list
        settings.pop("extra_special_tokens", None)
    storage.write_json(out / "tokenizer_config.json", settings)
    template = (_BEGIN if settings.get("bos_token") else "") + _TURN + _TEXT + _END
    storage.write_text(out / "chat_template.jinja", template)


def _read_settings(folder: Path) -> Config:
    path = folder / "tokenizer_config.json"
    return section(storage.read_json(path), str(path))


def _qwen2_loader(folder: Path) -> Callable[..., Any]:
    """Returns a function that loads the tokenizer, with its keyword arguments as settings.

    The class is the one that the folder names: AutoTokenizer would ask whether to run the checkpoint's code.
    """
    import transformers

    name = str(_read_settings(folder).get("tokenizer_class", ""))
    kind = transformers.Qwen2Tokenizer if name.startswith("Qwen2") else transformers.PreTrainedTokenizerFast
    return partial(load_part, "tokenizer", str(folder), kind)


def _internlm2_loader(folder: Path) -> Callable[..., Any]:
    """Returns a function that makes a fast tokenizer of InternLM2's SentencePiece model; upstream has its own code.

    Pieces that training renamed (`<|im_end|>` for `[UNUSED_TOKEN_145]`) keep their ids.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    settings = _read_settings(folder)
    path = folder / "tokenizer.json"
    fast = Tokenizer.from_file(str(path)) if path.is_file() else _from_pieces(folder / "tokenizer.model", settings)
    named = {
        name: _decode_piece(settings[name])
        for name in ("bos_token", "eos_token", "pad_token", "unk_token")
        if settings.get(name)
    }
    special = [_decode_piece(piece) for piece in settings.get("added_tokens_decoder", {}).values()]
    return partial(PreTrainedTokenizerFast, **{"tokenizer_object": fast, "extra_special_tokens": special, **named})


def _from_pieces(path: Path, settings: Config) -> Any:
    """Returns the `tokenizers.Tokenizer` of a SentencePiece model, with the renamed pieces of `settings`."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
    from transformers.convert_slow_tokenizer import SentencePieceExtractor

    if not path.is_file():
        raise MissingData(f"{path.parent} has neither tokenizer.json nor {path.name}.")
    try:
        extractor = SentencePieceExtractor(str(path))
    except ImportError:
        raise ModelError(
            f"Reading {path} needs two packages: pip install 'mmk12[convert]'. "
            "Or give a native checkpoint of the same family with --like."
        ) from None
    pieces = [piece.piece for piece in extractor.proto.pieces]
    added = {
        int(id_): _decode_piece(piece)
        for id_, piece in section(settings.get("added_tokens_decoder", {}), str(path)).items()
    }
    names = [added.get(id_, piece) for id_, piece in enumerate(pieces)]
    tokenizer = Tokenizer(
        models.BPE(
            {name: id_ for id_, name in enumerate(names)},
            extractor.extract(models.BPE)["merges"],
            unk_token=names[extractor.proto.trainer_spec.unk_id],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.add_special_tokens([AddedToken(added[id_], normalized=False, special=True) for id_ in sorted(added)])
    wrong = [name for id_, name in added.items() if tokenizer.token_to_id(name) != id_]
    if wrong:
        raise BadInput(f"The id of {wrong[0]} in {path.parent} differs from that in its tokenizer.model.")
    prefix = [normalizers.Prepend("▁")] if extractor.proto.normalizer_spec.add_dummy_prefix else []
    tokenizer.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", "▁")])
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    tokenizer.decoder = decoders.Sequence(steps)
    return tokenizer


def _decode_piece(value: Any) -> str:
    """Returns the text of a token of tokenizer_config.json, which is a string or an object with `content`."""
    return str(value.get("content")) if isinstance(value, dict) else str(value)


# The image processor. Both layouts give the size of a tile and the number of tiles, and nothing else.


IMAGE_MEAN, IMAGE_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
_FILES = ("processor_config.json", "preprocessor_config.json")


@dataclass(frozen=True, slots=True)
class Tiling:
    """The tiling of an image: `side` of a tile in pixels, and the bounds of the number of tiles without the thumbnail.

    Without `dynamic` there is one tile.
    """

    side: int
    dynamic: bool
    smallest: int
    largest: int


def tiling_of_remote(config: Config) -> Tiling:
    """Returns the tiling of a remote config.json. Raises `BadInput`, or `ModelError` for tiles without a thumbnail."""
    dynamic, largest = bool(config.get("dynamic_image_size", False)), config.get("max_dynamic_patch", 6)
    thumbnail = config.get("use_thumbnail", False) or not dynamic or largest == 1
    refuse_unless(thumbnail, "tiles without a thumbnail", "transformers always adds it")
    side = section(config.get("vision_config"), "vision_config").get("image_size", 224)
    numbers = (side, config.get("min_dynamic_patch", 1), largest)
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        raise BadInput("The sizes or numbers of tiles in config.json are not positive integers.")
    return Tiling(side, dynamic, *numbers[1:])


def tiling_of_native(folder: Path) -> Tiling:
    """Reads the tiling of a native checkpoint's image processor. Raises `MissingData`, `BadInput` or `ModelError`."""
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        raise MissingData(f"{folder} has no {' and no '.join(_FILES)}.")
    settings = section(storage.read_json(path), str(path))
    settings = section(settings.get("image_processor", settings), f"{path}: image_processor")
    size = settings.get("size")
    sides = set(size.values()) if isinstance(size, dict) else set()
    numbers = (*sides, settings.get("min_patches", 1), settings.get("max_patches", 12))
    if len(sides) != 1 or not all(isinstance(number, int) and number > 0 for number in numbers):
        raise BadInput(f"{path} has no square size of tiles, or no number of tiles.")
    imagenet = settings.get("image_mean") == IMAGE_MEAN and settings.get("image_std") == IMAGE_STD
    refuse_unless(imagenet, "its own mean and deviation of pixels", "OpenGVLab's code always uses those of ImageNet")
    # InternVL's processor cuts tiles unless crop_to_patches is false.
    return Tiling(numbers[0], settings.get("crop_to_patches", True) is True, numbers[1], numbers[2])


def make_native_processor(tiling: Tiling, tokenizer: Any, image_seq_length: int, chat_template: str) -> Any:
    """Returns transformers' `InternVLProcessor` with that tiling."""
    from transformers.models.got_ocr2 import GotOcr2ImageProcessor
    from transformers.models.internvl import InternVLProcessor, InternVLVideoProcessor

    size = {"height": tiling.side, "width": tiling.side}
    normalization = {"image_mean": IMAGE_MEAN, "image_std": IMAGE_STD}
    # A call cuts tiles whatever the file says; with at most one tile that makes no difference.
    smallest, largest = (tiling.smallest, tiling.largest) if tiling.dynamic else (1, 1)
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(
            size=size, crop_to_patches=tiling.dynamic, min_patches=smallest, max_patches=largest, **normalization
        ),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size, **normalization),
        image_seq_length=image_seq_length,
        chat_template=chat_template,
    )
