"""Write e-mails from Jinja templates and gettext catalogues.

templates/<name>.html and <name>.txt -> extend base.html and base.txt; the text has the subject, as a block
texts/<language>.po -> what the templates' English sentences are in that language

A folder of the shop's own comes first, for both: a file there takes the place of ours with the same name. Everything
that is shown in HTML is escaped; a value that a template names and nobody gave is an error, never an empty place.
Templates are written by the shop's operator and are trusted; what is put into them is not.
"""

from __future__ import annotations

import gettext
import hashlib
from dataclasses import fields
from datetime import UTC, datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.core.money import Money
from app.mail.contents import content_of
from app.mail.domain import Email, PostedMessage

_HERE = Path(__file__).parent
ORIGINAL_LANGUAGE = "en"  # the one that the templates are written in
_KEY_DIGITS = 32  # hexadecimal, of the message's id: 128 bits


class JinjaTemplates:
    """`MailTemplates` of one shop. sender: its address, whose domain is that of the messages' ids.

    own_folder: the shop's templates and catalogues; read when first used, so a change needs a restart.
    """

    def __init__(self, *, shop_name: str, sender: str, own_folder: Path | None = None) -> None:
        self._shop_name = shop_name
        self._domain = sender.rpartition("@")[2]
        self._own = [own_folder] if own_folder else []
        self._environments: dict[str, Environment] = {}

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages that there are texts in."""
        folders = [*self._own, _HERE / "texts"]
        return frozenset({ORIGINAL_LANGUAGE} | {path.stem for folder in folders for path in folder.glob("*.po")})

    def write(self, posted: PostedMessage) -> Email:
        """The e-mail that says what the message is to say, in its language or in English."""
        message = posted.message
        language = message.language if message.language in self.languages else ORIGINAL_LANGUAGE
        environment = self._environments.get(language) or self._environments.setdefault(
            language, self._environment(language)
        )
        content = content_of(message)
        values: dict[str, Any] = {field.name: getattr(content, field.name) for field in fields(content)}
        subject = _subject(environment, message.template, values)
        return Email(
            message_id=f"<{hashlib.sha256(message.key.encode()).hexdigest()[:_KEY_DIGITS]}@{self._domain}>",
            at=posted.posted_at,
            recipient=message.recipient,
            language=language,
            subject=subject,
            text=environment.get_template(f"{message.template}.txt").render(values, subject=subject),
            html=environment.get_template(f"{message.template}.html").render(values, subject=subject),
        )

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in (*self._own, _HERE / "templates")]),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            keep_trailing_newline=True,
        )
        environment.install_gettext_translations(self._catalogue(language), newstyle=True)  # type: ignore[attr-defined]
        locale = Locale.parse(language)
        environment.globals |= {
            "shop_name": self._shop_name,
            "language": language,
            "direction": locale.text_direction,
        }
        environment.filters |= {
            "money": lambda amount: _money(amount, language),
            "moment": lambda moment: _moment(moment, locale),
        }
        return environment

    def _catalogue(self, language: str) -> gettext.NullTranslations:
        for folder in (*self._own, _HERE / "texts"):
            path = folder / f"{language}.po"
            if path.exists():
                compiled = BytesIO()
                with path.open("rb") as file:
                    write_mo(compiled, read_po(file, locale=language))
                compiled.seek(0)
                return gettext.GNUTranslations(compiled)
        return gettext.NullTranslations()


def _subject(environment: Environment, template: str, values: dict[str, Any]) -> str:
    """The subject on one line: a line end in a header would begin another one."""
    text = environment.get_template(f"{template}.txt")
    lines = "".join(text.blocks["subject"](text.new_context(values)))
    return " ".join("".join(char if char.isprintable() else " " for char in lines).split())


def _money(amount: Money, language: str) -> str:
    return amount.formatted(language)


def _moment(moment: datetime, locale: Locale) -> str:
    there = moment.astimezone(UTC)
    return f"{format_date(there, 'long', locale)}, {format_time(there, 'short', locale=locale)} UTC"
