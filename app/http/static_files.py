"""Serve a folder of files: the right types, validators, and the variant that was compressed when it was built.

Starlette's own StaticFiles compresses nothing and knows no prepared variants. Here FILE.br and FILE.gz beside FILE
are its encodings; they are never addressed themselves. A file whose name carries a hash of its content may be kept
for a year, any other is asked for again each time and mostly answered with 304.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os import stat_result
from pathlib import Path

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_ENCODINGS = {"br": ".br", "gzip": ".gz"}  # best first
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}")
_LONGEST_PATH = 1000  # characters; file systems end at 4096 bytes, and none of ours is near it
_HASHED_NAME = re.compile(r"-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")  # Vite's names: index-Bx7aQ2_p.js


@dataclass(frozen=True, slots=True)
class StaticFolder:
    """Answers requests for the files of one folder."""

    folder: Path

    async def respond(self, path: str, request: Request) -> Response:
        """The file of that path below the folder. Raises HTTPException 404 for whatever is not such a file."""
        suffix = Path(path).suffix
        if (
            suffix not in _TYPES
            or len(path) > _LONGEST_PATH
            or not all(_SAFE_NAME.fullmatch(name) for name in path.split("/"))
        ):
            raise HTTPException(404)
        wanted = _accepted(request.headers.get("accept-encoding", ""))
        found = await anyio.to_thread.run_sync(self._find, path, wanted)
        if found is None:
            raise HTTPException(404)
        file, encoding, facts = found
        headers = {
            "cache-control": "public, max-age=31536000, immutable" if _HASHED_NAME.search(path) else "no-cache",
            "cross-origin-resource-policy": "same-origin",
            "etag": f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"',
            "vary": "Accept-Encoding",
        }
        if _is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        if encoding:
            headers["content-encoding"] = encoding
        return FileResponse(file, headers=headers, media_type=_TYPES[suffix], stat_result=facts)

    def _find(self, path: str, encodings: tuple[str, ...]) -> tuple[Path, str, stat_result] | None:
        plain = self.folder / path
        if not plain.is_file():
            return None
        for encoding in encodings:
            variant = plain.with_name(plain.name + _ENCODINGS[encoding])
            if variant.is_file():
                return variant, encoding, variant.stat()
        return plain, "", plain.stat()


def _accepted(header: str) -> tuple[str, ...]:
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _, parameters = part.partition(";")
        key, _, weight = parameters.strip().partition("=")
        try:
            weights[name.strip()] = float(weight) if key == "q" else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return tuple(name for name in _ENCODINGS if weights.get(name, weights.get("*", 0.0)) > 0)


def _is_known(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(","))
