"""Where the links of e-mails lead while there is no storefront: a page that says which request its page would send."""

from __future__ import annotations

import html
import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.http.page_templates import fill
from app.http.security_headers import PAGE_POLICY, protect

STAND_IN_PATH = "/storefront"
_VALUE = re.compile(r"[A-Za-z0-9_.~-]{1,500}")  # tokens and ids: what can be put into a document as it is
_DOCUMENTS = {  # by the storefront's page: the parameter of its link, and what it asks for
    "order": ("token", '{{ order(by: {{accessToken: "{value}"}}) {{ number status paymentStatus }} }}'),
    "payment": ("attempt", '{{ checkoutAttempt(id: "{value}") {{ id }} }}'),
}
_PAGES = {*_DOCUMENTS, "cart", "sign-in", "forgot-password", "verify-email", "reset-password"}


def stand_in_route() -> Route:
    """What to mount at the root."""
    return Route(f"{STAND_IN_PATH}/{{page}}", _stand_in, methods=["GET"])


async def _stand_in(request: Request) -> Response:
    page = request.path_params["page"]
    if page not in _PAGES:
        raise HTTPException(404)
    parameter, document = _DOCUMENTS.get(page, ("", ""))
    value = request.query_params.get(parameter, "")
    shown = ""
    if _VALUE.fullmatch(value):
        shown = f'<pre tabindex="0"><code>{html.escape(document.format(value=value))}</code></pre>'
    content = fill("storefront.html", page=page, detail=shown)
    return protect(HTMLResponse(content, headers={"cache-control": "no-store"}), PAGE_POLICY)
