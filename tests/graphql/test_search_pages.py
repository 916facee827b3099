"""The pages of a product list, and cursors that are none. How a list is walked while it changes: test_page_walks."""

from __future__ import annotations

import base64
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.catalog.domain import ProductDraft, VariantDraft
from app.core.money import Money
from tests.shopkeeping import USD, Api, Shopkeeper, new_word

SORTS = ("RELEVANCE", "BEST_SELLING", "NEWEST", "PRICE_ASC", "PRICE_DESC", "NAME_ASC", "NAME_DESC")
PAGE = """query ($q: String, $f: ProductFilter, $s: ProductSort, $n: Int, $a: Cursor, $l: Int, $b: Cursor) {
  products(query: $q, filter: $f, sort: $s, first: $n, after: $a, last: $l, before: $b) {
    nodes { name } edges { cursor node { name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@dataclass(frozen=True, slots=True)
class Row:
    """A product whose place in every order is drawn by lot, with many ties."""

    word: str
    number: int
    lot: random.Random

    def draft(self) -> ProductDraft:
        in_name = self.lot.random() < 0.5
        name = f"{self.lot.choice('aábc')} {self.number:03}"
        return ProductDraft(
            key=f"{self.word}-{self.number}",
            source="test",
            name=f"{name} {self.word}" if in_name else name,
            description="" if in_name else self.word,
            variants=(VariantDraft(Money(self.lot.choice((100, 200, 300)), USD), sku=f"{self.word}-{self.number}"),),
            popularity=self.lot.choice((0, 1, 2)),
        )


async def page(api: Api, **variables: Any) -> dict[str, Any]:
    return (await api.data(PAGE, **variables))["products"]


@pytest.fixture
async def word(keeper: Shopkeeper) -> str:
    """The word of seven plain products, a to g, each dearer and more popular than the one before."""
    word = new_word()
    for place, letter in enumerate("abcdefg"):
        await keeper.stock(f"{letter} {word}", price=f"{10 + place}.00", popularity=place)
    return word


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_joined_are_the_list_in_either_direction(api: Api, keeper: Shopkeeper, sort: str) -> None:
    lot = random.Random(sort)
    word = new_word()
    await keeper.store_all([Row(word, number, lot).draft() for number in range(10)])
    whole = await page(api, q=word, s=sort, n=100)

    forward: list[Any] = []
    after = None
    for _ in range(4):
        found = await page(api, q=word, s=sort, n=3, a=after)
        forward += found["edges"]
        after = found["pageInfo"]["endCursor"]
    backward: list[Any] = []
    before = None
    for _ in range(4):
        found = await page(api, q=word, s=sort, l=3, b=before)
        backward = found["edges"] + backward
        before = found["pageInfo"]["startCursor"]

    assert len(whole["edges"]) == 10
    assert forward == backward == whole["edges"]


async def test_the_marks_of_a_page_tell_where_it_stands(api: Api, word: str) -> None:
    first = await page(api, q=word, s="NAME_ASC", n=3)
    middle = await page(api, q=word, s="NAME_ASC", n=3, a=first["pageInfo"]["endCursor"])
    end = await page(api, q=word, s="NAME_ASC", n=3, a=middle["pageInfo"]["endCursor"])
    past = await page(api, q=word, s="NAME_ASC", n=3, a=end["pageInfo"]["endCursor"])
    back = await page(api, q=word, s="NAME_ASC", l=3, b=middle["pageInfo"]["startCursor"])
    last = await page(api, q=word, s="NAME_ASC", l=3)

    assert ["".join(node["name"][0] for node in each["nodes"]) for each in (first, middle, end, past, back, last)] == [
        "abc",
        "def",
        "g",
        "",
        "abc",
        "efg",
    ]
    marks = [
        (each["pageInfo"]["hasPreviousPage"], each["pageInfo"]["hasNextPage"])
        for each in (first, middle, end, past, back, last)
    ]
    assert marks == [(False, True), (True, True), (True, False), (True, False), (False, True), (True, False)]
    assert past["pageInfo"]["startCursor"] is past["pageInfo"]["endCursor"] is None
    assert back["edges"] == first["edges"]


async def test_a_page_has_20_rows_where_no_size_is_given(api: Api, keeper: Shopkeeper) -> None:
    word, lot = new_word(), random.Random(0)
    await keeper.store_all([Row(word, number, lot).draft() for number in range(21)])

    forward = await page(api, q=word)
    backward = await page(api, q=word, b=forward["pageInfo"]["endCursor"])

    assert len(forward["nodes"]) == 20
    assert [edge["cursor"] for edge in backward["edges"]] == [edge["cursor"] for edge in forward["edges"][:-1]]


@pytest.mark.parametrize(
    "window",
    [
        {"n": 0},
        {"n": -1},
        {"n": 101},
        {"n": 2**31 - 1},
        {"n": -(2**31)},
        {"l": 0},
        {"l": 101},
        {"n": 1, "l": 1},
        {"n": 1, "b": "x"},
        {"a": "x", "l": 1},
        {"a": "x", "b": "x"},
        {"n": 2**31},
        {"n": 1.5},
        {"n": "1"},
    ],
)
async def test_a_contradictory_or_oversized_page_is_an_input_error(api: Api, window: dict[str, Any]) -> None:
    answer = await api(PAGE, **window)

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data is None


@pytest.mark.parametrize(
    "other",
    [
        {"s": "NAME_DESC"},
        {"s": "PRICE_ASC"},
        {"s": "RELEVANCE"},
        {"s": None},
        {"q": "mug"},
        {"q": None},
        {"f": {"available": True}},
        {"f": {"price": {"min": "1"}}},
        {"f": {"brands": ["x"]}},
    ],
)
async def test_a_cursor_of_another_list_is_an_input_error(api: Api, word: str, other: dict[str, Any]) -> None:
    cursor = (await page(api, q=word, s="NAME_ASC", n=1))["pageInfo"]["endCursor"]

    for window in ({"a": cursor}, {"b": cursor}):
        answer = await api(PAGE, **{"q": word, "s": "NAME_ASC", **other, **window})
        assert answer.codes() == ["BAD_USER_INPUT"]
        assert answer.data is None


async def test_a_cursor_fits_the_same_list_however_it_is_written(api: Api, word: str) -> None:
    cursor = (await page(api, q=f"  {word} ", s="PRICE_ASC", n=1, f={"brands": []}))["pageInfo"]["endCursor"]

    found = await page(api, q=word, s="PRICE_ASC", n=1, a=cursor)

    assert [node["name"] for node in found["nodes"]] == [f"b {word}"]


@pytest.mark.parametrize("letter", ["a", "é", "漢", "🛒", "№"])
async def test_the_longest_names_have_cursors_too(api: Api, keeper: Shopkeeper, letter: str) -> None:
    word = new_word()
    for number in range(3):
        await keeper.stock(f"{letter * 254}{number}", description=word)

    seen: list[str] = []
    after = None
    for _ in range(3):
        found = await page(api, q=word, s="NAME_DESC", n=1, a=after)
        seen += [node["name"][-1] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]

    assert seen == ["2", "1", "0"]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "x",
        "!!!!",
        "é",
        "🛒",
        "AAAA",
        "A" * 8,
        "A" * 12,
        "A" * 1_024,
        "A" * 50_000,
        " ",
        "null",
        "-_-_-_-_-_-_",
    ],
)
@pytest.mark.parametrize("side", ["a", "b"])
async def test_a_text_that_is_no_cursor_is_an_input_error(api: Api, cursor: str, side: str) -> None:
    answer = await api(PAGE, q="mug", **{side: cursor})

    assert answer.codes() == ["BAD_USER_INPUT"]
    assert answer.data is None


@pytest.mark.parametrize(
    ("sort", "position"),
    [
        ("NAME_ASC", ()),
        ("NAME_ASC", ("", 0, "a")),
        ("NAME_ASC", ("", 0, "a", 1, 1)),
        ("NAME_ASC", ("", 0, 1, 1)),
        ("NAME_ASC", (0, 0, "a", 1)),
        ("NAME_ASC", ("\0", 0, "a", 1)),
        ("RELEVANCE", ("", 3, 1, 1)),
        ("RELEVANCE", ("", -1, 1, 1)),
        ("NAME_ASC", ("", 0, "a", "1")),
        ("NAME_ASC", ("", 0, "a\0b", 1)),
        ("NAME_ASC", ("", 0, b"\xff", 1)),
        ("NAME_ASC", ("", 0, None, 1)),
        ("NAME_ASC", ("", 0, "a", 2**63)),
        ("NAME_ASC", ("", 0, "a", 1.0)),
        ("PRICE_ASC", ("", 0, 2**64 - 1, 1)),
        ("PRICE_ASC", ("", 0, -(2**63), True)),
        ("PRICE_ASC", ("", 0, [1], 1)),
        ("NEWEST", ("", 0, "2026-01-01", 1)),
        ("NEWEST", ("", 0, datetime(2026, 1, 1), 1)),  # noqa: DTZ001  without a time zone, on purpose
        ("NEWEST", ("", 0, 1, 1)),
        ("NEWEST", ("", 0, msgspec.msgpack.Ext(-1, b"\xff" * 12), 1)),
        ("BEST_SELLING", {"popularity": 1}),
        ("RELEVANCE", (1, 1)),
        ("RELEVANCE", ("", "1", 1, 1)),
    ],
)
async def test_a_forged_cursor_with_the_right_fingerprint_is_an_input_error(
    api: Api, word: str, sort: str, position: object
) -> None:
    genuine = (await page(api, q=word, s=sort, n=1))["pageInfo"]["endCursor"]
    mark = base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4))[:6]
    forged = base64.urlsafe_b64encode(mark + msgspec.msgpack.encode(position)).decode().rstrip("=")

    for side in ("a", "b"):
        answer = await api(PAGE, q=word, s=sort, **{side: forged})
        assert answer.codes() == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("sort", "position", "rest"),
    [
        ("NAME_ASC", ("", 0, "", -(2**63)), "abcdefg"),
        ("NAME_ASC", ("", 0, "\U0010ffff" * 200, 0), ""),
        ("NAME_ASC", ("", 0, "d' OR 1=1 --", 0), "efg"),
        ("PRICE_ASC", ("", 0, 2**63 - 1, 2**63 - 1), ""),
        ("PRICE_ASC", ("", 0, -(2**63), 0), "abcdefg"),
        ("PRICE_DESC", ("", 0, 1_250, 0), "cba"),
        ("NEWEST", ("", 0, datetime.max.replace(tzinfo=UTC), 0), "gfedcba"),
        ("NEWEST", ("", 0, datetime.min.replace(tzinfo=UTC), 0), ""),
        ("BEST_SELLING", ("", 0, 2**62, 0), "gfedcba"),
        ("RELEVANCE", ("", 1, 2**62, 0), "gfedcba"),
        ("RELEVANCE", ("", 2, 0, 0), "gfedcba"),
        ("RELEVANCE", ("", 0, 2**62, 0), ""),
        ("RELEVANCE", ("zzyzx9", 1, 2**62, 0), ""),
        ("RELEVANCE", ("*", 1, 2**62, 0), "gfedcba"),
    ],
)
async def test_a_cursor_of_a_row_that_never_was_is_a_place_like_any_other(
    api: Api, word: str, sort: str, position: tuple[object, ...], rest: str
) -> None:
    genuine = (await page(api, q=word, s=sort, n=1))["pageInfo"]["endCursor"]
    mark = base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4))[:6]
    made_up = base64.urlsafe_b64encode(mark + msgspec.msgpack.encode(position)).decode().rstrip("=")

    found = await page(api, q=word, s=sort, a=made_up)

    assert "".join(node["name"][0] for node in found["nodes"]) == rest


async def test_a_bit_changed_in_a_cursor_never_breaks_the_server(api: Api, word: str) -> None:
    genuine = (await page(api, q=word, s="NEWEST", n=1))["pageInfo"]["endCursor"]
    raw = base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4))

    outcomes: Counter[str] = Counter()
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        answer = await api(PAGE, q=word, s="NEWEST", a=base64.urlsafe_b64encode(changed).decode().rstrip("="))
        outcomes[",".join(answer.codes())] += 1
        assert answer.status == 200

    assert set(outcomes) <= {"", "BAD_USER_INPUT"}
    assert outcomes["BAD_USER_INPUT"] >= 48  # each bit of the fingerprint at least
