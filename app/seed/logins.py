"""The demo shop's customers. Their passwords are no secret: a stack that knows them serves nobody but its owner."""

from __future__ import annotations

DEMO_CUSTOMERS = (
    ("ada@example.com", "follow-the-contour", "Ada Marsh"),
    ("ben@example.com", "north-by-northwest", "Ben Okafor"),
)
