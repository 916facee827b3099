"""The e-mails that development writes into a folder, as a page: who got what, and how it looks.

There is no such page in production, where e-mails go to a mail server. An e-mail's HTML is shown as it is, but may load
nothing and run nothing.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from app.http.page_templates import fill
from app.http.security_headers import EMAIL_POLICY, PAGE_POLICY, protect
from app.http.storefront_page import stand_in_route
from app.mail.folder_mailer import FiledEmail, MailFolder

MAIL_PATH = "/mail"
SHOWN = 100
_TYPES = {".html": "text/html; charset=utf-8", ".eml": "message/rfc822"}


@dataclass(frozen=True, slots=True)
class MailPages:
    """The pages of one folder."""

    folder: MailFolder

    def routes(self) -> list[Route]:
        """What to mount at the root."""
        return [
            Route(MAIL_PATH, self._list, methods=["GET"]),
            Route(f"{MAIL_PATH}/{{file}}", self._file, methods=["GET"]),
            stand_in_route(),
        ]

    async def _list(self, _: Request) -> Response:
        emails = await self.folder.newest(limit=SHOWN)
        entries = "\n".join(map(_entry, emails)) or '      <p class="lead">Nobody has been written to yet.</p>'
        folder = html.escape(str(self.folder.folder))
        page = fill("mail.html", emails=entries, folder=folder, shown=str(SHOWN))
        return protect(HTMLResponse(page, headers={"cache-control": "no-store"}), PAGE_POLICY)

    async def _file(self, request: Request) -> Response:
        asked = Path(request.path_params["file"])
        path = self.folder.find(asked.stem, asked.suffix) if asked.suffix in _TYPES else None
        if path is None:
            raise HTTPException(404)
        response = FileResponse(path, media_type=_TYPES[asked.suffix], headers={"cache-control": "no-store"})
        return protect(response, EMAIL_POLICY)


def _entry(email: FiledEmail) -> str:
    address = f"{MAIL_PATH}/{email.name}"
    return f"""\
      <article>
        <h2><a href="{address}.html">{html.escape(email.subject)}</a></h2>
        <p>To {html.escape(email.recipient)}, <time>{email.at:%Y-%m-%d %H:%M:%S}</time> UTC
          · <a href="{address}.eml">message</a></p>
        <details><summary>Text</summary><pre>{html.escape(email.text)}</pre></details>
      </article>"""
