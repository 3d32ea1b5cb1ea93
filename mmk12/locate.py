"""Where a source or benchmark is read from: a folder below `--raw-dir`, or the hub; and what to fetch otherwise."""

from __future__ import annotations

from pathlib import Path

from mmk12.declarations import Dataset
from mmk12.errors import MissingData
from mmk12.files import Files
from mmk12.types import Hub


def locate(dataset: Dataset, raw_dir: Path | None) -> Files:
    """Where `dataset` is to be read from. Raises `MissingData`, saying what to fetch, under which licence, whereto."""
    if not dataset.folders:
        return Files(None)  # made, not read: the demo
    if raw_dir is None:
        trouble = "it is on no hub" if dataset.hub is None else _hub_trouble(dataset.hub)
        if trouble is None:
            return Files(None)
        raise MissingData(f"{dataset.name}: no --raw-dir, and {trouble}. {_advice(dataset)}")
    if not raw_dir.is_dir():
        raise MissingData(f"--raw-dir {raw_dir} is not a folder.")
    for folder in dataset.folders:
        if (raw_dir / folder).is_dir():
            return Files(raw_dir / folder)
    raise MissingData(f"{raw_dir} holds no {dataset.name}. {_advice(dataset)}")


def _advice(dataset: Dataset) -> str:
    return (
        f"Fetch it from {dataset.url} (licence: {dataset.licence}) into RAW_DIR/{dataset.folders[0]}/, "
        f"as {dataset.layout}, and pass --raw-dir RAW_DIR."
    )


def _hub_trouble(hub: Hub) -> str | None:
    """Why the hub, or in offline mode its local cache, cannot give this dataset; None if it can."""
    import datasets
    import huggingface_hub.errors as hub_errors
    from httpx import HTTPError
    from huggingface_hub import HfApi, constants

    try:
        if constants.HF_HUB_OFFLINE:
            datasets.load_dataset_builder(hub.id, hub.config, revision=hub.revision)
        else:
            HfApi().dataset_info(hub.id, revision=hub.revision, timeout=10)
    except hub_errors.HfHubHTTPError as error:
        return f"the hub refuses {hub.id} (status {error.response.status_code})"
    except HTTPError:
        return f"the hub cannot be reached for {hub.id} (HF_HUB_OFFLINE=1 uses its local cache)"
    except (OSError, ValueError, datasets.exceptions.DatasetNotFoundError):
        return f"{hub.id} is not in the hub's local cache"
    return None
