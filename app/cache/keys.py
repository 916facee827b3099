"""Every cache key, tag and channel is built here.

A key names the kind, the version of what is stored under it, and the identity. Raising VERSION makes every older
entry unreachable, which is what a change of a record's shape needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.core.changes import Change

VERSION = 3
PERSISTED_QUERIES_BY_USE = "cg:{apq}:by-use"  # of no version: a text under its hash has no shape that could change
CHANNELS = "cg:changed"  # nothing is said on it: a connection that is subscribed to one channel may wait for others
CATALOG = "catalog"  # the tag of whatever is made from many products: lists, counts, facets, the category tree


def entry(kind: str, *identity: object) -> str:
    """The key of a cached value."""
    return ":".join(["cg", str(VERSION), kind, *map(str, identity)])


def tag_version(tag: str) -> str:
    """The key under which a tag's version is kept."""
    return f"cg:tag:{tag}"


def bucket(caller: str) -> str:
    """The key of a caller's bucket of cost. Of no version: its shape is the script's that reads it."""
    return f"cg:bucket:{caller}"


def persisted_query(sha256: str) -> str:
    """The key of an automatic persisted query. The braces keep all of them on one node of a cluster."""
    return f"cg:{{apq}}:{sha256}"


def product(product_id: int) -> str:
    """The tag of what is made from one product."""
    return f"product:{product_id}"


def variant(variant_id: int) -> str:
    """The tag of what is made from one variant."""
    return f"variant:{variant_id}"


def catalog_tags(product_ids: Sequence[int], variant_ids: Sequence[int]) -> list[str]:
    """The tags of everything that a change of these products and variants makes stale."""
    return [CATALOG, *map(product, product_ids), *map(variant, variant_ids)]


def channel(change: Change) -> str:
    """The channel on which an object's changes are announced."""
    return f"cg:changed:{change.kind.value}:{change.key}"
