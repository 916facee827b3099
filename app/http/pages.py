"""The pages for people: the overview at `/`, the explorer at `/graphql`, the demo's pictures.

GET /graphql, Accept: text/html -> graphql_view -> Pages.explorer_page -> the built explorer, or how its build is doing

The server never waits for the explorer and never needs Node: where no build is there yet, the page says so and asks
again by itself. The overview works without a build and without JavaScript.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.core.clock import Clock
from app.http.demo_images import draw_product
from app.http.explorer_assets import BuildState, BuildStatus, ExplorerAssets
from app.http.mail_pages import MAIL_PATH, MailPages
from app.http.page_templates import fill
from app.http.security_headers import EXPLORER_POLICY, IMAGE_POLICY, PAGE_POLICY, protect
from app.http.static_files import StaticFolder

_HERE = Path(__file__).parent
_ENDPOINT = "/graphql"
_REFRESH_SECONDS = 2  # of the page that waits for the build: short enough to feel live, no load to speak of
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_CURL = """\
curl -sG {endpoint} --data-urlencode 'query={{
  products(query: "mug", first: 3) {{
    nodes {{ name priceRange {{ min {{ formatted }} }} }}
  }}
}}'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Everything the server shows to a browser.

    explorer: where the explorer's build is; None where the program came without one and without its sources.
    metrics_path: linked from the overview; None where metrics are not public. mail: None where e-mails are sent.
    provider_page: where the stand-in for the payment provider can be made to fail; None where there is none.
    """

    shop_name: str
    explorer_enabled: bool
    explorer: ExplorerAssets | None
    clock: Clock
    mail: MailPages | None = None
    metrics_path: str | None = "/metrics"
    provider_page: str | None = None
    _own: StaticFolder = field(default=StaticFolder(_HERE / "static"), init=False)

    def routes(self) -> list[Route]:
        """What to mount at the root. GET /graphql is not among it: its owner calls `explorer_page`."""
        return [
            Route("/", self._landing, methods=["GET"]),
            Route("/explorer/{path:path}", self._explorer_file, methods=["GET"]),
            Route("/favicon.ico", self._favicon, methods=["GET"]),
            Route("/favicon.svg", self._favicon, methods=["GET"]),
            Route("/media/demo/{slug}.svg", self._demo_image, methods=["GET"]),
            Route("/static/{path:path}", self._static_file, methods=["GET"]),
            *(self.mail.routes() if self.mail else ()),
        ]

    async def explorer_page(self, request: Request) -> Response:
        """GET /graphql for a browser: 200 with the explorer, 503 with the state of its build, 404 where it is off."""
        if not self.explorer_enabled:
            return self._notice(request, 404, "No explorer here", "This server has its explorer switched off.")
        if self.explorer is None:
            text = "This server was installed without the explorer and without its sources."
            return self._notice(request, 503, "No explorer here", text)
        status = self.explorer.status()
        if status.state is not BuildState.READY:
            return self._build_notice(request, status)
        page = await StaticFolder(self.explorer.dist).respond("index.html", request)
        page.headers["vary"] = "Accept, Accept-Encoding"  # to others the same address answers with JSON
        return protect(page, EXPLORER_POLICY)

    async def _landing(self, request: Request) -> Response:
        endpoint = _origin(request) + _ENDPOINT
        page = fill(
            "landing.html",
            shop_name=html.escape(self.shop_name),
            endpoint=html.escape(endpoint),
            curl=html.escape(_CURL.format(endpoint=endpoint), quote=False),
            links="\n".join(_link(*entry) for entry in self._links()),
        )
        return protect(HTMLResponse(page, headers={"cache-control": "no-cache", "vary": "Host"}), PAGE_POLICY)

    def _links(self) -> list[tuple[str, str, str]]:
        links = [
            (
                f"{_ENDPOINT}/schema.graphql",
                "Schema",
                "Every type and field with its description, for code generators.",
            ),
            ("/readyz", "Health", "Whether this server can sell right now."),
        ]
        if self.explorer_enabled:
            text = "Write queries with completion, or run the examples from a search to a paid order."
            links.insert(0, (_ENDPOINT, "Explorer", text))
        if self.mail:
            links.append((MAIL_PATH, "E-mails", "What shoppers are written: here it is not sent, but shown."))
        if self.provider_page:
            text = "See the latest payments, and switch what goes wrong with them."
            links.append((html.escape(self.provider_page), "Payment provider", text))
        if self.metrics_path:
            links.append((self.metrics_path, "Metrics", "Counters and timings, in Prometheus’ format."))
        return links

    def _build_notice(self, request: Request, status: BuildStatus) -> Response:
        if status.state is BuildState.BUILDING:
            seconds = max(0, int((self.clock.now() - status.since).total_seconds())) if status.since else 0
            text = f"{status.message or 'Starting'} … {seconds} s so far. This page reloads by itself."
            return self._notice(
                request, 503, "The explorer is being built", text, "<progress></progress>", refresh=True
            )
        command = '<pre tabindex="0"><code>./run explorer</code></pre>'
        if status.state is BuildState.FAILED:
            fault = f'    <p class="fault">{html.escape(status.message)}</p>\n'
            text = "Its build ended with an error. The command below tries again."
            return self._notice(request, 503, "The explorer could not be built", text, fault + command)
        text = "It is built once from its sources, in about half a minute. Run this in the checkout, then reload:"
        return self._notice(request, 503, "The explorer is not built yet", text, command)

    def _notice(
        self, request: Request, code: int, title: str, text: str, detail: str = "", *, refresh: bool = False
    ) -> Response:
        page = fill(
            "explorer_status.html",
            title=title,
            text=html.escape(text),
            detail=detail,
            endpoint=html.escape(_origin(request) + _ENDPOINT),
            refresh=f'  <meta http-equiv="refresh" content="{_REFRESH_SECONDS}">' if refresh else "",
        )
        headers = {"cache-control": "no-store"}
        if refresh:
            headers["retry-after"] = str(_REFRESH_SECONDS)
        return protect(HTMLResponse(page, status_code=code, headers=headers), PAGE_POLICY)

    async def _explorer_file(self, request: Request) -> Response:
        if not self.explorer_enabled or self.explorer is None:
            raise HTTPException(404)
        folder = StaticFolder(self.explorer.dist)
        return protect(await folder.respond(request.path_params["path"], request), EXPLORER_POLICY)

    async def _static_file(self, request: Request) -> Response:
        return protect(await self._own.respond(request.path_params["path"], request), PAGE_POLICY)

    async def _favicon(self, request: Request) -> Response:
        return protect(await self._own.respond("favicon.svg", request), IMAGE_POLICY)

    async def _demo_image(self, request: Request) -> Response:
        picture = draw_product(request.path_params["slug"])
        if picture is None:
            raise HTTPException(404)
        headers = {
            "cache-control": "public, max-age=2592000, immutable",  # 30 days; the same slug is the same picture
            "cross-origin-resource-policy": "cross-origin",  # storefronts on other hosts show it
        }
        return protect(Response(picture, media_type="image/svg+xml", headers=headers), IMAGE_POLICY)


def _link(address: str, title: str, text: str) -> str:
    return f'        <li><a href="{address}"><strong>{title}</strong><span>{text}</span></a></li>'


def _origin(request: Request) -> str:
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if _HOST.fullmatch(host) else 'localhost:8000'}"
