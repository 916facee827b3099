"""The headers that keep a page to itself: one policy for each kind of answer.

No page names another host, so none may load from one, and none has an inline script. Styles are the one exception,
on the explorer and in e-mails: an editor positions every line with a style attribute, mail programs know little else.
A style cannot send anything anywhere while `img-src` and `font-src` end at this host.
"""

from __future__ import annotations

from starlette.responses import Response

_CLOSED = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

PAGE_POLICY = f"default-src 'self'; {_CLOSED}"
EXPLORER_POLICY = (
    "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; "  # the editor's icons are data:
    f"script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; {_CLOSED}"
)
EMAIL_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; sandbox allow-downloads; {_CLOSED}"
IMAGE_POLICY = f"default-src 'none'; sandbox; {_CLOSED}"


def protect(response: Response, policy: str) -> Response:
    """The same response, with the policy and what belongs to it."""
    response.headers.update(
        {
            "content-security-policy": policy,
            "cross-origin-opener-policy": "same-origin",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
        }
    )
    return response
