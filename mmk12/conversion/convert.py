"""Converts a checkpoint folder: the weights shard by shard, then tokenizer and processor, and config.json last.

An output folder without config.json is an unfinished conversion; the same command continues it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from mmk12.conversion import config_keys, tokenizer, weights
from mmk12.conversion import internvl_config as configs
from mmk12.conversion.tensors import HEAD, canonical_name, pair_tensors
from mmk12.errors import BadInput, MissingData, MissingExtra, ModelError, OutputError, first_line
from mmk12.inference.checkpoint import hash_weights, import_torchvision, load_part, read_token_ids
from mmk12.utils import storage
from mmk12.utils.progress import Progress, ignore_progress

Layout = Literal["native", "remote"]

_UNFINISHED = "conversion.json"
_LOCK = ".lock"
_CODE = Path(__file__).parent / "remote_code" / "configuration_internvl_chat.py"
_AUTO_MAP = {"AutoConfig": "configuration_internvl_chat.InternVLChatConfig"}
_WRITTEN_HERE = ("config.json", "generation_config.json")
_DOWNLOADED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.py")
_COMPANIONS = (".json", ".jinja", ".txt", ".model", ".py")


def convert(
    source: str,
    out: Path,
    like: str | None = None,
    progress: Progress = ignore_progress,
    shard_bytes: int = weights.SHARD_BYTES,
) -> Layout:
    """Converts the checkpoint `source` (a folder or hub id) into the other layout, in `out`; returns that layout.

    `like` is a checkpoint of the other layout: its tokenizer, processor and code are copied. `shard_bytes` bounds the
    size of an output file. Raises `MissingData`, `BadInput`, `OutputError`, `MissingExtra`, or `ModelError` for a
    feature that the other layout cannot express.
    """
    try:
        import torch

        import_torchvision()
        import transformers
    except ImportError:
        raise MissingExtra("Converting a model", "hf") from None
    assert torch
    transformers.logging.set_verbosity_error()
    folder = _find_folder(source)
    config = config_keys.read(folder)
    kind = config.get("model_type")
    if kind not in ("internvl_chat", "internvl"):
        raise ModelError(f"{folder} holds a model of type {kind}; mmk12 converts internvl_chat and internvl.")
    model = None if like is None else _find_folder(like)
    if model is not None and config_keys.read(model).get("model_type") == kind:
        raise ModelError(f"{model} has the layout of {folder}; --like takes a checkpoint of the other one.")
    with _claim_folder(out, hash_weights(str(folder))):
        if kind == "internvl_chat":
            _to_native(folder, config, out, model, progress, shard_bytes)
            return "native"
        _to_remote(folder, out, model, progress, shard_bytes)
        return "remote"


def _to_native(
    folder: Path, config: config_keys.Config, out: Path, like: Path | None, progress: Progress, shard_bytes: int
) -> None:
    from transformers import AutoTokenizer

    tiling = tokenizer.tiling_of_remote(config)
    if like is None:
        native_tokenizer = tokenizer.load_native_tokenizer(folder, configs.find_remote_tower(config))
    else:
        native_tokenizer = load_part("tokenizer", str(like), AutoTokenizer)
        side = tokenizer.tiling_of_native(like).side
        config_keys.refuse_unless(side == tiling.side, f"tiles of {tiling.side} pixels", f"those of {like} have {side}")
    stored = weights.list_stored_tensors(folder)
    tied = configs.ties_embeddings(config) and not weights.has_lm_head(stored)
    image_token_id = tokenizer.token_id(native_tokenizer, tokenizer.IMAGE_TOKEN)
    native_config = configs.to_native_config(config, image_token_id, tied)
    planned = weights.plan_moves(pair_tensors(configs.find_towers(native_config, tied)), stored, folder, to_native=True)
    check_weights_fit(native_config, weights.list_native_shapes(planned))
    weights.write_weights(planned, out, progress, shard_bytes)
    if like is None:
        template = tokenizer.to_native_template(native_tokenizer)
        image_tokens = native_config.image_seq_length
        tokenizer.make_native_processor(tiling, native_tokenizer, image_tokens, template).save_pretrained(out)
    else:
        _copy_companions(like, out)
    _write_generation_config(folder, out, native_tokenizer)
    storage.write_text(out / "config.json", native_config.to_json_string())


def _to_remote(folder: Path, out: Path, like: Path | None, progress: Progress, shard_bytes: int) -> None:
    from transformers import AutoTokenizer

    config = configs.load_native_config(folder)
    stored = weights.list_stored_tensors(folder)
    tied = config.tie_word_embeddings and not weights.has_lm_head(stored)
    auto_map = _AUTO_MAP if like is None else config_keys.read(like).get("auto_map", _AUTO_MAP)
    remote_config = configs.to_remote_config(config, tokenizer.tiling_of_native(folder), tied, auto_map)
    planned = weights.plan_moves(pair_tensors(configs.find_towers(config, tied)), stored, folder, to_native=False)
    check_weights_fit(config, weights.list_native_shapes(planned))
    weights.write_weights(planned, out, progress, shard_bytes)
    if like is None:
        tokenizer.write_remote(folder, out)
        storage.write_bytes(out / _CODE.name, _CODE.read_bytes())
    else:
        _copy_companions(like, out)
    _write_generation_config(folder, out, load_part("tokenizer", str(folder), AutoTokenizer))
    storage.write_json(out / "config.json", remote_config)


def check_weights_fit(config: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Checks `shapes` against the model that transformers builds from an `InternVLConfig`, without loading weights.

    Raises `BadInput` with the first tensor that differs.
    """
    import torch
    from transformers import InternVLForConditionalGeneration

    with torch.device("meta"):
        model = InternVLForConditionalGeneration(config)
    expected = {canonical_name(name): tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if HEAD not in shapes:
        expected.pop(HEAD, None)
    for name in sorted({*expected, *shapes}):
        if expected.get(name) != shapes.get(name):
            raise BadInput(
                f"{name} is {_format_shape(shapes.get(name))}; "
                f"its config.json leads to {_format_shape(expected.get(name))}."
            )


def _format_shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape))


def _write_generation_config(folder: Path, out: Path, own_tokenizer: Any) -> None:
    """Copies generation_config.json and adds the end of turn of the chat template to its end tokens."""
    path = folder / "generation_config.json"
    settings = config_keys.section(storage.read_json(path), str(path)) if path.is_file() else {}
    end_of_turn = tokenizer.token_id(own_tokenizer, tokenizer.END_OF_TURN)
    ends = sorted(read_token_ids(settings.get("eos_token_id")) | {end_of_turn})
    settings = {**settings, "eos_token_id": ends[0] if len(ends) == 1 else ends}
    if own_tokenizer.pad_token_id is not None:
        settings.setdefault("pad_token_id", own_tokenizer.pad_token_id)
    storage.write_json(out / path.name, settings)


def _copy_companions(like: Path, out: Path) -> None:
    for path in sorted(like.iterdir()):
        index = path.name.endswith(".index.json")
        if path.suffix in _COMPANIONS and path.name not in _WRITTEN_HERE and not index and path.is_file():
            storage.write_bytes(out / path.name, path.read_bytes())


@contextmanager
def _claim_folder(out: Path, source: str) -> Iterator[None]:
    """Locks `out` and marks it as the unfinished conversion of `source`.

    Raises `OutputError` if it holds anything else, or if another conversion is writing it.
    """
    mark, lock, done = out / _UNFINISHED, out / _LOCK, False
    with storage.lock_folder(out):
        try:
            held = [path for path in out.iterdir() if path != lock and not path.match(".*.part")]
            if held and not (mark.is_file() and storage.read_json(mark) == {"source": source}):
                raise OutputError(f"{out} is not empty. Choose another folder for the converted model.")
            storage.remove_leftovers(out)  # a kill can leave nothing but the mark, still under its temporary name
            storage.write_json(mark, {"source": source})
            try:
                yield
            finally:
                done = (out / "config.json").exists() or {*out.iterdir()} == {mark, lock}
        finally:
            lock.unlink()
            if done:
                mark.unlink(missing_ok=True)  # the last of all: until then the same command goes on


def _find_folder(model: str) -> Path:
    """Returns the folder of a checkpoint, downloaded from the hub if there is no such folder."""
    if Path(model).is_dir():
        return Path(model)
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.snapshot_download(model, allow_patterns=list(_DOWNLOADED)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise MissingData(f"{model} is no folder and cannot be fetched from the hub: {first_line(error)}") from error
