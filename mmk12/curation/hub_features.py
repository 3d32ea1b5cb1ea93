"""The columns of a parquet file as features of Hugging Face `datasets`, so that `load_dataset` and the hub show images.

Without them, `images` is a list of structs. With them it is `List(Image(decode=False))`: rows hold the same encoded
bytes, and the hub's viewer draws them. They are written as plain JSON, as `datasets` reads it in all its versions
(`Features.from_dict`), so that the bytes of a build do not depend on the version that is installed.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

IMAGE = {"decode": False, "_type": "Image"}
"""The feature of an encoded image, a struct of `bytes` and `path`."""
_IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def add_features(schema: pa.Schema) -> pa.Schema:
    """Returns the schema with its features in the metadata, where `datasets` looks for them."""
    features = {field.name: _to_feature(field.type) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def to_yaml_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Returns the features as the YAML head of a data card lists them."""
    return [_to_yaml(field.name, field.type) for field in schema]


def _to_feature(type_: pa.DataType) -> Any:
    if type_ == _IMAGE_TYPE:
        return IMAGE
    if pa.types.is_list(type_):
        return [_to_feature(type_.value_type)]
    if pa.types.is_struct(type_):
        return {field.name: _to_feature(field.type) for field in type_}
    return {"dtype": _name(type_), "_type": "Value"}


def _to_yaml(name: str, type_: pa.DataType) -> dict[str, Any]:
    """Returns one entry, such as `{name: prompt, list: [{name: role, dtype: string}, …]}`."""
    if pa.types.is_list(type_):
        inner = _to_yaml("", type_.value_type)
        del inner["name"]
        plain = inner.get("dtype", inner.get("struct"))
        return {"name": name, "list": plain}
    if type_ == _IMAGE_TYPE:
        return {"name": name, "dtype": {"image": {"decode": False}}}
    if pa.types.is_struct(type_):
        return {"name": name, "struct": [_to_yaml(field.name, field.type) for field in type_]}
    return {"name": name, "dtype": _name(type_)}


def _name(type_: pa.DataType) -> str:
    return {"double": "float64"}.get(str(type_), str(type_))
