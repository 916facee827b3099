"""Text as the catalogue stores it: plain, normalised, without characters that PostgreSQL or a terminal trips over.

Descriptions arrive as HTML or as plain text, and names carry left-over entities (`Apple&#174;`). The standard library's
`HTMLParser` takes minutes on 50,000 hostile characters and raises AssertionError on others, so tags are found by one
scan that only moves forward. Whatever is no tag stays as it was written: `3 < 5` survives.
"""

from __future__ import annotations

import html
import re
import unicodedata

_FOREIGN = re.compile("[\0\ud800-\udfff]")  # what PostgreSQL cannot store as text
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff]")
# Only with a semicolon (`AT&T`, `R&D` and `?a=1&copy=2` are text), and short: int() refuses 5,000 digits.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SPACES = re.compile(r"\s+")
_BLANK_LINES = re.compile(r"\n{3,}")
# Stand for a list item's bullet and a block's edge until all words are known; no input keeps a control character.
_ITEM, _EDGE = "\x01", "\x02"
_EDGES = re.compile(f"{_EDGE}[ {_EDGE}]*")
_ITEM_AND_SPACES = re.compile(f"{_ITEM}[\\s{_ITEM}]*")
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_KNOWN_TAG = re.compile(
    r"</?(?:p|br|div|span|ul|ol|li|b|i|u|strong|em|h[1-6]|a|img|table|tr|td|th|font|section|article|blockquote|hr"
    r"|script|style|iframe|svg|html|head|body|!--)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_HIDDEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "template", "iframe", "svg")}

_PARAGRAPHS = re.compile(r"p|h[1-6]|ul|ol|dl|table|blockquote|pre|figure|hr|section|article|header|footer")
_BLOCKS = re.compile(r"div|tr|dt|dd|caption|figcaption|thead|tbody|form|fieldset")


def single_line(text: str) -> str:
    """The text on one line, in NFC: entities decoded, white space collapsed, control characters gone.

    Raises ValueError when it holds a NUL character or is not valid Unicode.
    """
    if not (text.isascii() and text.isprintable()) or "&" in text:
        text = _CONTROL.sub(" ", _decoded(text))
    return " ".join(text.split())


def description_text(text: str) -> str:
    """The text of a description as plain text: HTML, recognised by its tags, becomes paragraphs and bullet points.

    Raises ValueError like `single_line`.
    """
    if _KNOWN_TAG.search(text):
        return html_to_text(text)
    return _paragraphs(_CONTROL.sub(" ", _decoded(text)))


def html_to_text(source: str) -> str:
    """The words of an HTML fragment: a blank line between paragraphs, `• ` before list items, no tags.

    Malformed HTML never fails; time grows with its length only. Raises ValueError like `single_line`.
    """
    source = _CONTROL.sub(" ", source)
    written: list[str] = []
    position = 0
    while (start := source.find("<", position)) >= 0:
        name, end = _tag(source, start)
        if end < 0:
            break
        written.append(_words(source[position:start]))
        if name is None:  # a lone `<`
            written.append("<")
        else:
            written.append(_break_for(name))
            end = _after_hidden(source, name, end)
        position = end
    written.append(_words(source[position:]))
    text = _EDGES.sub("\n", _decoded("".join(written))).rstrip(f" \n{_ITEM}")  # an item without words is none
    return _paragraphs(_CONTROL.sub(" ", _ITEM_AND_SPACES.sub("• ", text)))


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing of it: white space and invisible characters only."""
    if text.isprintable():
        return not text.strip()
    return not any(character.isprintable() and not character.isspace() for character in text)


def _decoded(text: str) -> str:
    found = _FOREIGN.search(text)
    if found:
        raise ValueError("holds a NUL character" if found.group() == "\0" else "is not valid UTF-8")
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _paragraphs(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _words(text: str) -> str:
    return _SPACES.sub(" ", text)


def _tag(source: str, start: int) -> tuple[str | None, int]:
    """The name of the tag at `start` and where it ends; no name where it is none; -1 where nothing more is one."""
    if source.startswith("<!--", start):
        end = source.find("-->", start + 4)
        return "!", end + 3 if end >= 0 else len(source)
    closing = source.startswith("</", start)
    name = _TAG_NAME.match(source, start + 1 + closing)
    if name is None and source[start + 1 : start + 2] not in ("!", "?"):
        return None, start + 1
    end = source.find(">", start)
    if end < 0:
        return None, -1
    if source.count('"', start, end) % 2:  # a `>` inside an attribute, such as alt="a > b"
        quote = source.find('"', end)
        end = source.find(">", quote) if quote >= 0 else end
    if end < 0:
        return None, -1
    return ("/" if closing else "") + (name.group().lower() if name else "!"), end + 1


def _break_for(tag: str) -> str:
    name = tag.removeprefix("/")
    if _PARAGRAPHS.fullmatch(name):
        return "\n\n"
    if name == "br":
        return "\n"
    if _BLOCKS.fullmatch(name):
        return _EDGE
    if name == "li":
        return f"\n{_ITEM}" if tag == "li" else ""
    return " " if name in ("td", "th") else ""


def _after_hidden(source: str, tag: str, end: int) -> int:
    hidden = _HIDDEN.get(tag)
    if hidden is None or source[end - 2 : end] == "/>":
        return end
    closing = hidden.search(source, end)
    return closing.start() if closing else len(source)
