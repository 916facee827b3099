"""The languages that texts can be in: those that the database can stem. ISO 639-1."""

from __future__ import annotations

LANGUAGES: frozenset[str] = frozenset(
    "ar ca da de el en es et eu fi fr ga hi hu hy id it lt ne nl no pt ro ru sr sv ta tr yi".split()  # noqa: SIM905
)
