"""Read a YAML or JSON file into plain values that know their lines.

YAML is read by its structure, not by its guesses: `NO` and `on` stay text (a country, a province), and a number keeps
its digits as a Decimal. JSON is a part of YAML. Source: YAML 1.2, Core Schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import yaml

from app.core.errors import InvalidInput

MAX_FILE_BYTES = 64 * 1_048_576
MAX_DEPTH = 20
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,3})?")  # longer ones stay text
_HALVES = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

Value = str | int | Decimal | bool | list["Value"] | dict[str, "Value"] | None


class UnreadableTerms(InvalidInput):
    """A file from which nothing can be imported. source: `terms.yaml`, with `:12` where the line is known."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(reason)
        self.source = source


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a section. section: its name; value: what it holds; line: where it begins."""

    section: str
    value: Value
    line: int
    _node: yaml.Node

    def line_of(self, path: str) -> int:
        """The line of a value inside, by a path such as `.methods[2].price`; of the nearest there is."""
        node = self._node
        for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
            if isinstance(node, yaml.MappingNode) and name:
                inner = next((value for key, value in node.value if key.value == name), None)
            elif isinstance(node, yaml.SequenceNode) and index and int(index) < len(node.value):
                inner = node.value[int(index)]
            else:
                inner = None
            if inner is None:
                break
            node = inner
        return int(node.start_mark.line) + 1


def read_text(path: Path) -> str:
    """The text of a file.

    Raises UnreadableTerms when it is missing, too large or not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableTerms(str(path), f"is larger than {MAX_FILE_BYTES // 1_048_576} MiB: split it")
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise UnreadableTerms(str(path), "no such file") from None
    except OSError as error:
        raise UnreadableTerms(str(path), f"cannot be opened: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableTerms(str(path), "is not UTF-8") from None


def entries_of(text: str, name: str) -> Iterator[Entry]:
    """The entries of every section, in their order. name: of the file, for messages.

    Raises UnreadableTerms when it is no YAML or JSON, or no mapping of sections to lists.
    """
    root = _composed(text, name)
    if not isinstance(root, yaml.MappingNode):
        raise UnreadableTerms(name, "holds no sections: see docs/guides/terms.md")
    for key, section in root.value:
        if not isinstance(section, yaml.SequenceNode):
            raise UnreadableTerms(f"{name}:{key.start_mark.line + 1}", f"{key.value} is not a list of entries")
        for node in section.value:
            yield Entry(str(key.value), _plain(node, name, MAX_DEPTH), node.start_mark.line + 1, node)


def _composed(text: str, name: str) -> yaml.Node | None:
    try:
        if text.lstrip().startswith("{"):
            # JSON may be indented by tabs, and spells an emoji as two halves; YAML knows neither
            text = _HALVES.sub(_joined, text.replace("\t", " "))
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source = f"{name}:{mark.line + 1}" if mark else name
        raise UnreadableTerms(source, f"is no YAML or JSON: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UnreadableTerms(name, f"is no YAML or JSON: {error}".splitlines()[0]) from None


def _joined(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]  # an escaped backslash, which begins nothing
    return bytes.fromhex(found[1] + found[2]).decode("utf-16-be")


def _plain(node: yaml.Node, name: str, depth: int) -> Value:
    if not depth:
        raise UnreadableTerms(f"{name}:{node.start_mark.line + 1}", f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, name, depth - 1) for each in node.value]
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Value] = {}
        for key, value in node.value:
            if key.value in values:
                raise UnreadableTerms(f"{name}:{key.start_mark.line + 1}", f"{key.value} stands here twice")
            values[str(key.value)] = _plain(value, name, depth - 1)
        return values
    return _scalar(str(node.value), is_quoted=bool(isinstance(node, yaml.ScalarNode) and node.style))


def _scalar(text: str, *, is_quoted: bool) -> Value:
    if is_quoted:
        return text
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _NUMBER.fullmatch(text) else text
