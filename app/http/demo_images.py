"""The demo shop's product pictures: drawn, not photographed. One slug, one picture, always the same.

The slug's SHA-256 chooses two colours and the shape of a hill, drawn as a map draws one: contour lines around its
top, with the product's initials on it. A picture is under 4 kB and names no other file.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator

_SLUG = re.compile(r"[a-z0-9-]{1,128}")
_SIZE = 480
_CONTOURS = 7
_POINTS = 9  # of each line, joined by curves
_TENSION = 6  # Catmull-Rom to Bézier: control points lie a sixth of the neighbours' distance away


def draw_product(slug: str) -> str | None:
    """The SVG picture of a product; None when the text is not a slug."""
    if not _SLUG.fullmatch(slug):
        return None
    seed = hashlib.sha256(slug.encode()).digest()
    hue = seed[0] * 360 // 256
    second_hue = (hue + 30 + seed[1] % 40) % 360
    lines = "".join(
        f'<path d="{path}" fill="hsl({second_hue} 60% {70 - 5 * level}%/.16)"/>'
        for level, path in enumerate(_contours(seed))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" width="{_SIZE}" height="{_SIZE}">'
        f'<defs><linearGradient id="g" gradientTransform="rotate({seed[2] % 90})">'
        f'<stop stop-color="hsl({hue} 48% 88%)"/><stop offset="1" stop-color="hsl({second_hue} 44% 74%)"/>'
        f'</linearGradient></defs><rect width="{_SIZE}" height="{_SIZE}" fill="url(#g)"/>'
        f'<g stroke="hsl({hue} 45% 28%/.5)" stroke-width="1.5">{lines}</g>'
        f'<text x="50%" y="50%" dy=".36em" text-anchor="middle" font-family="Georgia,serif" font-size="104" '
        f'letter-spacing="2" fill="hsl({hue} 50% 20%)">{_initials(slug)}</text></svg>'
    )


def _contours(seed: bytes) -> Iterator[str]:
    top_x = _SIZE / 2 + (seed[3] - 128) * 0.25
    top_y = _SIZE / 2 + (seed[4] - 128) * 0.25
    for level in range(_CONTOURS):
        height = 1 - level / _CONTOURS  # 1 for the outermost line, towards 0 at the top
        centre_x = top_x + (_SIZE / 2 - top_x) * (1 - height)
        centre_y = top_y + (_SIZE / 2 - top_y) * (1 - height)
        yield _closed_curve([_point(seed, height, centre_x, centre_y, index) for index in range(_POINTS)])


def _point(seed: bytes, height: float, centre_x: float, centre_y: float, index: int) -> tuple[float, float]:
    angle = 2 * math.pi * index / _POINTS
    ripple = 1 + 0.22 * height * math.sin(2 * angle + seed[5] / 40) + 0.1 * math.sin(3 * angle + seed[6] / 40)
    radius = _SIZE * (0.16 + 0.5 * height) * ripple * (0.92 + seed[8 + index] / 1600)
    return centre_x + radius * math.cos(angle), centre_y + radius * math.sin(angle)


def _closed_curve(points: list[tuple[float, float]]) -> str:
    count = len(points)
    parts = [f"M{points[0][0]:.0f} {points[0][1]:.0f}"]
    for index in range(count):
        before, start = points[index - 1], points[index]
        end, after = points[(index + 1) % count], points[(index + 2) % count]
        control = (
            start[0] + (end[0] - before[0]) / _TENSION,
            start[1] + (end[1] - before[1]) / _TENSION,
            end[0] - (after[0] - start[0]) / _TENSION,
            end[1] - (after[1] - start[1]) / _TENSION,
        )
        parts.append("C" + " ".join(f"{number:.0f}" for number in (*control, *end)))
    return "".join(parts) + "Z"


def _initials(slug: str) -> str:
    words = [word for word in slug.split("-") if word]
    return "".join(word[0] for word in words[:2]).upper() or "•"
