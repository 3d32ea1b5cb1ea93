"""Reads and writes safetensors, with at most one shard in memory.

A shard gets its final name when it is complete, so a killed conversion continues with the first shard that is missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.conversion.tensors import HEAD, Pair, canonical_name
from mmk12.errors import BadInput, MissingData, ModelError, OutputError
from mmk12.utils import storage
from mmk12.utils.progress import Progress, ignore_progress

SHARD_BYTES = 4 * 10**9
_INDEX = "model.safetensors.index.json"
_HEADER_BYTES = 100 * 10**6
"""The largest header that the safetensors library itself reads."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file: its own name there, shape, data type and size in bytes."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: str
    size: int


@dataclass(frozen=True, slots=True)
class TensorMove:
    """The conversion of some source tensors; `out` are their names in the new layout."""

    pair: Pair
    sources: tuple[StoredTensor, ...]
    out: tuple[str, ...]

    @property
    def size(self) -> int:
        """Size in bytes, the same before and after."""
        return sum(source.size for source in self.sources)


def list_stored_tensors(folder: Path) -> dict[str, StoredTensor]:
    """Returns the tensors of a checkpoint by canonical name; reads headers only.

    Raises `MissingData`, `BadInput`, or `ModelError` for weights in pickles.
    """
    files = {path.name: path for path in sorted(folder.glob("*.safetensors"))}
    if (folder / _INDEX).is_file():
        listed = storage.read_json(folder / _INDEX)
        weight_map = listed.get("weight_map") if isinstance(listed, dict) else None
        if not isinstance(weight_map, dict):
            raise BadInput(f"{folder / _INDEX} has no weight_map.")
        needed = sorted({str(name) for name in weight_map.values()})
        if missing := [name for name in needed if name not in files]:
            raise MissingData(f"{folder} lacks {len(missing)} of its {len(needed)} shards: {missing[0]}.")
        files = {name: files[name] for name in needed}
    if not files:
        if any(folder.glob("*.bin")):
            raise ModelError(
                f"{folder} holds its weights as pickles (.bin), which can run code when they are read. "
                "Fetch its safetensors, or save it again with transformers' save_pretrained."
            )
        raise MissingData(f"{folder} holds no *.safetensors.")
    tensors: dict[str, StoredTensor] = {}
    for path in files.values():
        for tensor in _read_header(path):
            if tensors.setdefault(canonical_name(tensor.name), tensor) is not tensor:
                raise BadInput(f"{folder} holds the tensor {tensor.name} twice.")
    return tensors


def plan_moves(
    pairs: Iterable[Pair], stored: Mapping[str, StoredTensor], folder: Path, to_native: bool
) -> list[TensorMove]:
    """Returns the conversion of all tensors in `stored`, each used exactly once.

    Raises `BadInput` with the name of a tensor that is missing or left over.
    """
    unused, planned = dict(stored), []
    for pair in pairs:
        names, out = ((pair.remote,), pair.native) if to_native else (pair.native, (pair.remote,))
        for name in names:
            if name not in unused:
                raise BadInput(f"{folder} lacks the tensor {name}, which its config.json requires.")
        planned.append(TensorMove(pair, tuple(unused.pop(name) for name in names), out))
    if unused:
        more = f" and {len(unused) - 1} more" if len(unused) > 1 else ""
        raise BadInput(
            f"{folder} holds the tensor {min(unused)}{more}, which an InternVL with its config.json does not have."
        )
    return planned


def list_native_shapes(planned: Iterable[TensorMove]) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every tensor by native name, from either layout, without reading the tensors."""
    shapes = {}
    for move in planned:
        for place, name in enumerate(move.pair.native):
            shape = move.sources[min(place, len(move.sources) - 1)].shape
            if move.pair.fusion is not None and len(move.sources) == 1 and shape:
                rows, rest = divmod(shape[0] * move.pair.fusion.shares[place], sum(move.pair.fusion.shares))
                shape = shape if rest else (rows, *shape[1:])
            shapes[name] = shape
    return shapes


def has_lm_head(stored: Mapping[str, StoredTensor]) -> bool:
    """Returns whether the checkpoint has its own output layer."""
    return HEAD in stored or "language_model.output.weight" in stored


def write_weights(
    planned: Sequence[TensorMove], out: Path, progress: Progress = ignore_progress, shard_bytes: int = SHARD_BYTES
) -> None:
    """Writes the converted tensors into `out` in shards of up to `shard_bytes`, with an index if there are several.

    Shards that are complete already are kept.
    """
    shards = list(_split_shards(planned, shard_bytes))
    names = (
        ["model.safetensors"]
        if len(shards) == 1
        else [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    )
    for number, (name, shard) in enumerate(zip(names, shards, strict=True)):
        progress("shards", number, len(shards))
        if not (out / name).is_file():
            _save({name: tensor for move in shard for name, tensor in _convert_tensor(move)}, out / name)
    progress("shards", len(shards), len(shards))
    if len(shards) > 1:
        total = sum(move.size for move in planned)
        places = {
            tensor: name for name, shard in zip(names, shards, strict=True) for move in shard for tensor in move.out
        }
        storage.write_json(
            out / _INDEX, {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
        )


def _read_header(path: Path) -> Iterator[StoredTensor]:
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _HEADER_BYTES:
            raise BadInput(f"{path} is not a safetensors file.")
        try:
            entries = json.loads(file.read(length))
            entries.pop("__metadata__", None)
            for name, entry in entries.items():
                start, end = entry["data_offsets"]
                yield StoredTensor(
                    path, name, tuple(map(int, entry["shape"])), str(entry["dtype"]), int(end) - int(start)
                )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise BadInput(f"{path} is not a safetensors file, or was cut short.") from None


def _split_shards(planned: Sequence[TensorMove], limit: int) -> Iterator[list[TensorMove]]:
    shard: list[TensorMove] = []
    for move in planned:
        if shard and sum(one.size for one in shard) + move.size > limit:
            yield shard
            shard = []
        shard.append(move)
    yield shard


def _convert_tensor(move: TensorMove) -> list[tuple[str, Any]]:
    tensors = [_read(source) for source in move.sources]
    fusion = move.pair.fusion
    if fusion is None:
        return list(zip(move.out, tensors, strict=True))
    first = move.sources[0]
    if any(source.dtype != first.dtype for source in move.sources):
        raise BadInput(f"{first.path} holds {first.name} in another data type than its neighbours.")
    converted = fusion.split(tensors[0]) if len(move.out) > 1 else [fusion.join(tensors)]
    return list(zip(move.out, converted, strict=True))


def _read(source: StoredTensor) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(source.path, "pt") as file:
            return file.get_tensor(source.name)
    except (SafetensorError, OSError) as error:
        raise BadInput(f"Cannot read {source.name} of {source.path}: {error}.") from error


def _save(tensors: dict[str, Any], path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    partial = path.with_name(f".{path.name}.part")
    with storage.open_for_writing(path):
        try:
            save_file(tensors, partial, metadata={"format": "pt"})
            partial.chmod(0o644)  # the library creates a file that only its owner can read
            os.replace(partial, path)
        except SafetensorError as error:
            raise OutputError(f"Cannot write {path}: {error}.") from error
        finally:
            partial.unlink(missing_ok=True)
