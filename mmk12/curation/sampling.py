"""Samples rows by a hash of their ids: without random state, so the result depends on neither order nor machine."""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping


def sample_ids(ids: Iterable[str], count: int, salt: str) -> frozenset[str]:
    """Returns the `count` ids whose salted hashes are smallest; adding ids changes few of the others."""
    return frozenset(heapq.nsmallest(count, ids, key=lambda name: rank(name, salt)))


def draw_ids(ids: Iterable[str], count: int, salt: str) -> tuple[frozenset[str], int]:
    """Returns `sample_ids`, and how many ids were not drawn. `ids` is read once, so it may be a large stream."""
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for name in ids:
            read += 1
            yield name

    drawn = sample_ids(counted(), count, salt)
    return drawn, read - len(drawn)


def sample_evenly(groups: Mapping[str, str], count: int, salt: str) -> frozenset[str]:
    """Returns `count` of the ids in `groups` (id -> its group), from each group in proportion to its size.

    Rows that rounding leaves over go to the groups that lost most by it (largest remainders).
    """
    sizes = Counter(groups.values())
    shares = {group: divmod(count * size, len(groups)) for group, size in sizes.items()}
    left = count - sum(share for share, _ in shares.values())
    lucky = sorted(shares, key=lambda group: (-shares[group][1], group))[:left]
    members = defaultdict(list)
    for name, group in groups.items():
        members[group].append(name)
    return frozenset().union(
        *(sample_ids(members[group], share + (group in lucky), salt) for group, (share, _) in shares.items())
    )


def rank(name: str, salt: str) -> bytes:
    """Returns the sort key of an id in the shuffled order of `salt`."""
    return _hash(f"{salt}/{name}")


def index_of(name: str) -> int:
    """Returns the number of an id, the same in every build: 53 bits, so that JSON and floats keep it exact.

    Among 60,000 ids two share one with probability 2e-7.
    """
    return int.from_bytes(_hash(name)[:8], "big") >> 11


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
