from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from app.terms_import.document import Entry, UnreadableTerms, entries_of, read_text


def read_entries(path: Path) -> list[Entry]:
    return list(entries_of(read_text(path), str(path)))


def written(tmp_path: Path, text: str, name: str = "terms.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_codes_that_yaml_takes_for_answers_stay_text_and_numbers_keep_their_digits(tmp_path: Path) -> None:
    path = written(tmp_path, 'delivery:\n  - {a: NO, b: on, c: 4.90, d: 7, e: true, f: ~, g: "5", h: 12:30}\n')

    (entry,) = read_entries(path)

    assert entry.value == {
        "a": "NO",
        "b": "on",
        "c": Decimal("4.90"),
        "d": 7,
        "e": True,
        "f": None,
        "g": "5",
        "h": "12:30",
    }


def test_a_value_knows_its_line(tmp_path: Path) -> None:
    methods = "    methods:\n      - key: a\n      - key: b\n        days: 3\n"
    path = written(tmp_path, f"delivery:\n  - zone: home\n{methods}")

    (entry,) = read_entries(path)

    paths = ("", ".methods[1].days", ".methods[1].nothing", ".methods[9]")
    assert [entry.line_of(path) for path in paths] == [2, 6, 5, 4]


def test_json_is_read_with_tabs_and_emoji(tmp_path: Path) -> None:
    path = written(tmp_path, '{\n\t"delivery": [\n\t\t{"name": "Post \\ud83d\\udce6"}\n\t]\n}', "terms.json")

    (entry,) = read_entries(path)

    assert (entry.section, entry.value, entry.line) == ("delivery", {"name": "Post 📦"}, 3)


@pytest.mark.parametrize(
    ("text", "source", "reason"),
    [
        ("delivery:\n  - [1\n", "terms.yaml:3", "is no YAML or JSON"),
        ("- 1\n", "terms.yaml", "holds no sections"),
        ("", "terms.yaml", "holds no sections"),
        ("a: []\ndelivery: 5\n", "terms.yaml:2", "is not a list"),
        ("delivery:\n  - a: 1\n    a: 2\n", "terms.yaml:3", "stands here twice"),
        ("delivery:\n  - " + "[" * 30 + "]" * 30, "terms.yaml:2", "nested"),
        ("delivery:\n  - &a [*a]\n", "terms.yaml:2", "nested"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(tmp_path: Path, text: str, source: str, reason: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(UnreadableTerms, match=reason) as refusal:
        read_entries(path)

    assert refusal.value.source.endswith(source)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableTerms, match="no such file"):
        read_entries(tmp_path / "none.yaml")
