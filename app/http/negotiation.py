"""Which media type an answer is given in.

Source: GraphQL over HTTP, Media Types; RFC 9110, Accept.
"""

from __future__ import annotations

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
HTML = "text/html"
EVENTS = "text/event-stream"

_EXACT = {JSON: JSON, GRAPHQL_JSON: GRAPHQL_JSON, "*/*": JSON, "application/*": JSON}


def answer_type(accept: str) -> str | None:
    """The best of the two JSON types: by quality, then by the client's order; None where it takes neither."""
    if not accept.strip():
        return JSON
    best: tuple[float, str | None] = (0.0, None)
    for media_type, quality in _ranges(accept):
        answer = _EXACT.get(media_type)
        if answer is not None and quality > best[0]:
            best = (quality, answer)
    return best[1]


def takes_events(accept: str) -> bool:
    """Whether the client can read a stream of events: that it reads anything does not say so."""
    return dict(_ranges(accept)).get(EVENTS, 0.0) > 0


def prefers_html(accept: str) -> bool:
    """Whether a browser is asking for a page: HTML is named, and nothing that we answer in is liked better."""
    ranges = dict(_ranges(accept))
    html = ranges.get(HTML, 0.0)
    return html > 0 and html >= max((ranges.get(name, 0.0) for name in (JSON, GRAPHQL_JSON)), default=0.0)


def _ranges(accept: str) -> list[tuple[str, float]]:
    ranges = []
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        ranges.append((media_type, quality))
    return ranges
