"""Every e-mail in every language, whatever the values in it are."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import msgspec
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.money import Currency
from app.mail.contents import CONTENTS, Content, OrderConfirmed, content_of, expiry_of, message_of
from app.mail.domain import Email, Message, PostedMessage
from app.mail.jinja_templates import JinjaTemplates
from app.mail.samples import sample_contents
from app.mail.storefront import Storefront

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
ROOM = Path(__file__).resolve().parents[3] / "app" / "mail"
SAMPLES = sample_contents(Storefront("https://shop.example"), Currency("EUR"))
HOSTILE = [
    *(
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "{{ 7 * 7 }}",
        "%(shop)s %s %",
    ),
    *("Mug\r\nBcc: everybody@shop.example", "a\x00b\x1b[31m", "\u2028\u202e", "&lt;b&gt;", "]]>", "", "M" * 500, "🏔"),
]
names = st.sampled_from(HOSTILE) | st.text(max_size=60)
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "table",
        "tr",
        "td",
        "h1",
        "p",
        "a",
        "strong",
        "br",
        "span",
    ),
}


@cache  # a template is compiled when it is first used
def templates(shop_name: str = "Fell & Foss", own: Path | None = None) -> JinjaTemplates:
    return JinjaTemplates(shop_name=shop_name, sender="orders@shop.example", own_folder=own)


OURS = templates()


def write(content: Content, language: str = "en", by: JinjaTemplates = OURS) -> Email:
    message = message_of(content, about="7", recipient="ada@shop.example", language=language)
    return by.write(PostedMessage(message, NOON))


def name_of(content: Content) -> str:
    return type(content).__name__


class Outline(HTMLParser):
    """What a browser would make of it: tags, attributes that do something, links, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("content", SAMPLES, ids=name_of)
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_every_template_is_written_in_every_language(content: Content, language: str) -> None:
    email = write(content, language)

    assert email.language == ("en" if language == "fr" else language)
    assert f'lang="{email.language}"' in email.html
    assert email.subject
    assert email.text.startswith(f"{email.subject}\n\n")
    outline = Outline(email.html)
    assert outline.tags <= TAGS
    assert email.subject in "".join(outline.text)
    assert outline.links
    for link in outline.links:
        assert link.startswith("https://shop.example/")
        assert link in email.text


def test_there_is_a_sample_for_each_template() -> None:
    assert [type(content) for content in SAMPLES] == list(CONTENTS.values())


@pytest.mark.parametrize("content", SAMPLES, ids=name_of)
def test_an_e_mail_loads_nothing_and_runs_nothing(content: Content) -> None:
    page = write(content).html

    assert Outline(page).tags.isdisjoint({"img", "script", "link", "iframe", "form", "svg"})
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("content", SAMPLES, ids=name_of)
def test_a_message_gives_back_what_it_was_made_of(content: Content) -> None:
    message = message_of(content, about="7", recipient="a@b.example", language="en")
    stored = replace(message, data=msgspec.json.decode(msgspec.json.encode(message.data)))

    assert content_of(stored) == content
    assert stored.key == f"{stored.template}:7"


@pytest.mark.parametrize("content", SAMPLES, ids=name_of)
def test_a_content_without_one_of_its_values_is_refused(content: Content) -> None:
    message = message_of(content, about="7", recipient="a@b.example", language="en")

    for field in fields(content):
        lacking = {name: value for name, value in message.data.items() if name != field.name}
        with pytest.raises(msgspec.ValidationError, match=field.name):
            content_of(Message(message.key, message.template, "a@b.example", "en", lacking))


@settings(deadline=None)  # templates are compiled on the way
@given(shop_name=st.sampled_from(HOSTILE), product=names, variant=names, delivery=names, tax=names, number=names)
def test_no_name_breaks_an_e_mail_or_becomes_a_part_of_it(
    shop_name: str, product: str, variant: str, delivery: str, tax: str, number: str
) -> None:
    by = templates(shop_name)
    for content in SAMPLES:
        usual = write(content)
        if hasattr(content, "order"):
            order = content.order
            line = replace(order.lines[0], product_name=product, variant_name=variant)
            taxes = (replace(order.taxes[0], name=tax), replace(order.taxes[0], name=tax, is_included=True))
            order = replace(order, number=number, lines=(line,), shipping_name=delivery, taxes=taxes)
            content = replace(content, order=order)

        email = write(content, "de", by)

        outline, plain = Outline(email.html), Outline(usual.html)
        assert outline.tags <= plain.tags | {"br", "span"}
        assert outline.attributes == plain.attributes
        assert outline.links == plain.links
        assert email.subject.isprintable()
        assert email.subject == email.subject.strip()


def test_a_name_is_shown_as_it_is() -> None:
    order = SAMPLES[0].order
    name = "<b>\"Mug\" & 'Saucer'</b> {{ 7 * 7 }} %(shop)s"
    content = OrderConfirmed(replace(order, lines=(replace(order.lines[0], product_name=name),)))

    email = write(content)

    assert name in "".join(Outline(email.html).text)
    assert name in email.text


def test_amounts_and_times_are_those_of_the_language() -> None:
    german, english = write(SAMPLES[0], "de"), write(SAMPLES[0], "en")

    assert "Gesamtbetrag: 167,00\xa0€" in german.text
    assert "Total: €167.00" in english.text
    reset = next(content for content in SAMPLES if name_of(content) == "PasswordReset")
    assert "bis 1. Mai 2030, 12:00 UTC" in write(reset, "de").text
    assert re.search(r"until May 1, 2030, 12:00\sPM UTC", write(reset, "en").text)


def test_an_order_adds_up_on_paper() -> None:
    lines = write(SAMPLES[0]).text.splitlines()

    start = lines.index("2 × Trail Mug (Blue): €36.00")
    assert lines[start + 1 : start + 8] == [
        "1 × Ridge Runner Waterproof Walking Jacket with Detachable Hood (XL / Lichen): €129.00",
        "",
        "Subtotal: €165.00",
        "Discount: −€15.00",
        "Standard delivery: €5.00",
        "Sales tax: €12.00",
        "Total: €167.00",
    ]


def test_an_order_without_delivery_discount_and_tax_shows_none_of_them() -> None:
    order = SAMPLES[0].order
    nothing = replace(order.discount, minor=0)
    email = write(OrderConfirmed(replace(order, discount=nothing, shipping=None, taxes=())))

    assert "Discount" not in email.text + email.html
    assert "delivery" not in email.text.lower() + email.html.lower()
    assert "tax" not in email.text + email.html


def test_a_message_has_the_same_id_each_time_and_another_one_another() -> None:
    first, again = write(SAMPLES[0]), write(SAMPLES[0])

    assert first.message_id == again.message_id
    assert re.fullmatch(r"<[0-9a-f]{32}@shop\.example>", first.message_id)
    assert write(SAMPLES[1]).message_id != first.message_id


def test_only_what_asks_for_something_ends() -> None:
    endless = {name_of(content) for content in SAMPLES if expiry_of(content) is None}

    assert set(map(name_of, SAMPLES)) - endless == {"EmailVerification", "PasswordReset", "PaymentActionRequired"}


# ------------------------------------------------------------------------------------------------ catalogues


def sentences() -> set[str]:
    methods = [("**.html", "jinja2"), ("**.txt", "jinja2")]
    strict = {pattern: {"silent": "false"} for pattern, _ in methods}
    return {message for _, _, message, _, _ in extract_from_dir(ROOM / "templates", methods, strict)}


@pytest.mark.parametrize("path", sorted((ROOM / "texts").glob("*.po")), ids=lambda path: path.stem)
def test_a_catalogue_has_every_sentence_and_its_values(path: Path) -> None:
    with path.open("rb") as file:
        translated = {entry.id: entry.string for entry in read_po(file) if entry.id}

    assert set(translated) == sentences()
    for sentence, translation in translated.items():
        assert translation
        assert sorted(re.findall(r"%\(\w+\)s", translation)) == sorted(re.findall(r"%\(\w+\)s", sentence))


# ------------------------------------------------------------------------------------------------ a shop's own


def test_files_of_the_shop_take_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "footer.html").write_text("Fell & Foss Ltd, 1 Contour Road")
    (tmp_path / "fr.po").write_text('msgid "Your password was changed"\nmsgstr "Votre mot de passe a été changé"\n')
    (tmp_path / "order_confirmed.txt").write_text(
        "{% block subject %}Thanks for {{ order.number }}{% endblock %}Hello {{ order.total | money }}"
    )
    by = templates(own=tmp_path)

    confirmed, changed = write(SAMPLES[0], by=by), write(SAMPLES[-1], "fr", by)

    assert "Fell & Foss Ltd, 1 Contour Road" in confirmed.html
    assert confirmed.subject == "Thanks for C-1042"
    assert "Hello €167.00" in confirmed.text
    assert (changed.language, changed.subject) == ("fr", "Votre mot de passe a été changé")


def test_a_template_that_asks_for_what_there_is_not_is_an_error_and_no_gap(tmp_path: Path) -> None:
    (tmp_path / "footer.txt").write_text("{{ order.tracking_number }}")

    with pytest.raises(jinja2.UndefinedError, match="tracking_number"):
        write(SAMPLES[0], by=templates(own=tmp_path))
