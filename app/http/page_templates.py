"""The HTML of the server's own pages: files with `$name` for what is filled in."""

from __future__ import annotations

from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent / "templates"


def fill(name: str, **values: str) -> str:
    """The page of that name. values: HTML, escaped by whoever gives it; one for each `$name` in the file."""
    return Template((_FOLDER / name).read_text(encoding="utf-8")).substitute(values)
