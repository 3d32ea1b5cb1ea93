"""Reads datasets from the Hugging Face Hub at one commit, and tells what keeps it from doing so in one line.

`main` moves: the commit is resolved once, before any work, and is part of every key and record. Requests that a busy
hub refuses (429, 5xx) are repeated as `huggingface_hub` does, for as long as the hub says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmk12.errors import MissingData, first_line
from mmk12.types import HubDataset, Row

_BATCH = 32
"""Rows in memory at once: those of a dataset of figures may have a megabyte each."""
_PATIENCE = 4
"""How often a request, or a download that broke off, is tried again."""


_NOT_CACHED = "{} is not in the hub's local cache, and HF_HUB_OFFLINE is set"


def pin_commit(hub: HubDataset) -> HubDataset:
    """Returns `hub` with the commit in the place of its revision. Raises `MissingData`.

    In offline mode the commit is that of the copy in the local cache, or stays unknown (the revision is kept).
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        build_hf_headers,
        hf_raise_for_status,
        http_backoff,
    )

    if constants.HF_HUB_OFFLINE:
        return _find_cached(hub)
    url = f"{constants.ENDPOINT}/api/datasets/{hub.id}/revision/{quote(hub.revision, safe='')}"
    try:
        response = http_backoff("GET", url, headers=build_hf_headers(), timeout=10, max_retries=_PATIENCE)
        hf_raise_for_status(response)
        about = response.json()
        if about.get("gated"):  # the rows may be refused although their description is not
            HfApi().auth_check(hub.id, repo_type="dataset")
    except Exception as error:
        raise _refusal(_describe(error, hub)) from error
    return replace(hub, revision=str(about.get("sha") or hub.revision))


def _find_cached(hub: HubDataset) -> HubDataset:
    import datasets
    from huggingface_hub import constants, scan_cache_dir

    if hub.files:
        repositories = scan_cache_dir().repos if Path(constants.HF_HUB_CACHE).is_dir() else ()
        own = [one for one in repositories if (one.repo_type, one.repo_id) == ("dataset", hub.id)]
        commits = sorted((one.last_modified, one.commit_hash) for repo in own for one in repo.revisions)
        if not commits:
            raise _refusal(_NOT_CACHED.format(hub.id))
        return replace(hub, revision=commits[-1][1]) if hub.revision == "main" else hub
    try:
        builder = datasets.load_dataset_builder(hub.id, hub.config, revision=hub.revision)
    except Exception as error:
        raise _refusal(_NOT_CACHED.format(hub.id)) from error
    return replace(hub, revision=builder.hash or hub.revision) if hub.revision == "main" else hub


def fetch_files(hub: HubDataset) -> Path:
    """Returns a folder that holds `hub.files`, fetched into the hub's local cache. Raises `MissingData`."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub.id, repo_type="dataset", revision=hub.revision, allow_patterns=[*hub.files]))
    except Exception as error:
        raise _refusal(_describe(error, hub)) from error


def read_rows(hub: HubDataset) -> Iterator[Row]:
    """Yields the rows as they are stored, images as encoded bytes: `{"bytes": …, "path": …}`, however deep in lists.

    Raises `MissingData` before the first row.
    """
    dataset = _load(hub)
    for batch in dataset.with_format("arrow").iter(batch_size=_BATCH):  # `datasets` itself would decode every image
        yield from batch.to_pylist()


def _load(hub: HubDataset) -> Any:
    import datasets
    import httpx

    for attempt in range(_PATIENCE + 1):
        try:
            return datasets.load_dataset(hub.id, hub.config, split=hub.split, revision=hub.revision)
        except (
            Exception
        ) as error:  # of httpx, huggingface_hub, datasets, pyarrow, fsspec: what a network can do to them
            broken = any(isinstance(one, httpx.TransportError) for one in _causes(error))
            if not broken or attempt == _PATIENCE:  # a download that broke off goes on where it was
                raise _refusal(_describe(error, hub)) from error
    raise AssertionError("the loop returns or raises")


def _refusal(reason: str) -> MissingData:
    return MissingData(f"{reason[0].upper()}{reason[1:]}.", reason)


def _describe(error: Exception, hub: HubDataset) -> str:
    """Returns why the hub cannot serve a dataset, and what to do about it."""
    import httpx
    from huggingface_hub import errors

    causes = list(_causes(error))
    for cause in causes:
        # `datasets` has no type of its own for a gated dataset, and does not keep the cause.
        if isinstance(cause, errors.GatedRepoError) or "is a gated dataset" in str(cause):
            return f"{hub.id} is gated: accept its terms on its page, then log in (`hf auth login`, or set HF_TOKEN)"
        if isinstance(cause, errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError):
            return f"{hub.id} is not completely in the hub's local cache; fetch it once without HF_HUB_OFFLINE"
        if isinstance(cause, errors.HfHubHTTPError):
            status = cause.response.status_code
            busy = "; it is busy, so try again later" if status == 429 or status >= 500 else ""
            return f"the hub refuses {hub.id} (status {status}){busy}"
        if isinstance(cause, httpx.TransportError):
            return f"the hub cannot be reached for {hub.id} ({first_line(cause)}); the same command goes on from here"
    return f"{hub.id} cannot be read from the hub ({first_line(error)})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and those behind it."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
