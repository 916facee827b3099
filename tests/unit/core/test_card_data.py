from __future__ import annotations

import re
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.core import card_data
from app.core.card_data import MASK, card_number_in, card_numbers, has_card_number, masked
from app.core.card_networks import NETWORKS
from app.devstack.stripe_emulator.cards import TEST_CARDS
from tests.cards import PUBLISHED, SPELLINGS, ZEROS, check_digit, in_script, network_numbers, spelled, written

VISA = PUBLISHED["Visa"]
BEFORE = ["", "card ", "no:", "(", "%B", ";", "Visa", "karte=", "tel 555 ", "\n\n", "1 ", "номер ", "x", "12/26 "]
BEHIND = ["", ".", " 12/26", "=2612101", "^DOE/JOHN^", ")", " 123", "\n", " thanks", "|12|26|123", "x", ", 97205"]


def is_a_fraction(text: str) -> bool:
    return bool(re.search(r"(?<![\w.])\d{1,3}\.\d{10}", in_ascii(text)))


def in_ascii(text: str) -> str:
    return "".join(str(unicodedata.digit(each, each)) for each in text)


def has_an_ean_or_a_time(text: str) -> bool:
    groups = re.findall(r"\d+", in_ascii(text))
    return len(groups) > 1 and any(len(group) == 13 and (group[0] == "1" or is_ean(group)) for group in groups)


def is_another_number(number: str) -> bool:
    return is_ean(number) or (len(number) == 13 and bool(re.match(r"1|491[567]|431|436[5-9]", number)))


def is_ean(number: str) -> bool:
    return len(number) == 13 and sum(int(each) * (1, 3)[at % 2] for at, each in enumerate(number)) % 10 == 0


# ------------------------------------------------------------------------------------------------ what is one


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers_are_known_in_every_script(name: str) -> None:
    for zero in ZEROS:
        assert has_card_number(f"my card: {in_script(PUBLISHED[name], zero)}!")


@pytest.mark.parametrize("name", TEST_CARDS)
def test_the_emulators_test_cards_are_known(name: str) -> None:
    assert has_card_number(TEST_CARDS[name].number)


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_is_known(name: str) -> None:
    text = spelled(name)

    ((start, end),) = card_numbers(text)

    assert re.sub(r"\D", "", text[start:end]) == VISA


@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: f"{each.name} {each.first}")
def test_both_ends_of_every_networks_range_are_known_in_every_length(network: Any) -> None:
    for beginning in (network.first, network.last):
        for length in network.lengths:
            body = f"{beginning}{'0' * (length - 5)}"

            assert has_card_number(body + check_digit(body)) != is_ean(body + check_digit(body))


@given(st.data())
def test_a_number_of_any_network_is_known_however_it_is_written(data: st.DataObject) -> None:
    number = data.draw(network_numbers())
    text = data.draw(st.sampled_from(BEFORE)) + data.draw(written(number)) + data.draw(st.sampled_from(BEHIND))

    assume(not is_another_number(number) and not is_a_fraction(text) and not has_an_ean_or_a_time(text))

    assert has_card_number(text), text


@given(st.data())
def test_a_masked_text_has_no_number_and_is_otherwise_the_same(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.sampled_from(["hello", " ", "no. 7;", spelled("spaces"), spelled("dots"), VISA])))

    hidden = masked(",".join(texts))

    assert not has_card_number(hidden)
    assert hidden == ",".join(MASK if has_card_number(text) else text for text in texts)


@given(st.text(), st.sampled_from(list(SPELLINGS)), st.text())
def test_no_text_around_it_hides_a_number_that_stands_alone(before: str, name: str, behind: str) -> None:
    assert has_card_number(f"{before};{spelled(name)};{behind}")


@given(st.text(alphabet="0123456789 -.ab٤\n", max_size=200))
def test_looking_at_all_windows_one_by_one_finds_a_number_where_this_does(text: str) -> None:
    assume(not re.search(r"[0-9a-f]{24}|\d{1,3}\.\d{10}", text))

    found = next(card_numbers(text), None)

    assert (found is not None) == any(_windows_by_hand(text))


def _windows_by_hand(text: str) -> list[str]:
    """Numbers in a text by the definition alone: whole groups of digits, a network, a length, a check digit."""
    windows = []
    for run in re.findall(r"\d(?:[ .\n-]*\d)*", text):
        groups = re.findall(r"\d+", in_ascii(run))
        for first in range(len(groups)):
            for last in range(first + 1, len(groups) + 1):
                number = "".join(groups[first:last])
                known = any(
                    len(number) in each.lengths and each.first <= int(number[:4]) <= each.last for each in NETWORKS
                )
                window = groups[first:last]
                beside = [*map(len, window)] != [6, 13] and has_an_ean_or_a_time(" ".join(window))
                if known and check_digit(number[:-1]) == number[-1] and not is_another_number(number) and not beside:
                    windows.append(number)
    return windows


def test_all_digits_and_all_dashes_and_spaces_of_unicode_are_known() -> None:
    everything = [chr(code) for code in range(sys.maxunicode + 1)]
    digits = [each for each in everything if unicodedata.digit(each, None) is not None]
    between = [each for each in everything if unicodedata.category(each) in ("Pd", "Zs", "Zl", "Zp")]

    assert [each for each in digits if not re.fullmatch(f"[{card_data._DIGITS}]", each)] == []
    assert [each for each in between if not has_card_number(f"4242424242{each}424242")] == []


# ------------------------------------------------------------------------------------------------ what is none


@pytest.mark.parametrize(
    "text",
    [
        "4006381333931",  # an EAN, which Luhn's formula would take
        "4 006381 333931",
        "4006381333931 123456",
        "500 1767225600123",  # what a caller has left, and the time in milliseconds
        "+4915112345678",
        "4915112345678",
        "49 151 12345678",
        "4311234567896",
        "+371449635398431",  # no phone number, but as long as one may be
        "550e8400-e29b-41d4-a716-446655440000",
        "4242424242424242a242424242424242",  # 32 hexadecimal digits
        "DE89 3704 0044 0532 0130 00",
        "FR1420041010050500013M02606",
        "0.4372615293847561",
        "52.1234567890123",
        "2026-01-31 12:00:00.123456",
        "1767225600000-424242",
        "4242424242424241",
        "42424242424242424242",  # twenty digits
        "4242 4242 4242",
        "0000 0000 0000 0000",
        "9000000000000001",  # nobody's beginning
        "4242,4242,4242,4242",
        "4242/4242/4242/4242",
        "",
    ],
)
def test_other_numbers_are_none(text: str) -> None:
    assert list(card_numbers(text)) == []
    assert masked(text) == text


@given(st.uuids(), st.sampled_from(["{}", "checkout-{}-1", "{}:retry", "{}.2"]))
def test_a_uuid_is_none_whatever_its_digits(identity: Any, form: str) -> None:
    assert not has_card_number(form.format(identity))
    assert not has_card_number(form.format(str(identity).upper()))
    assert not has_card_number(form.format(identity.hex))


@given(st.from_regex(r"[0-9]{4}(-[0-9]{4}){2}", fullmatch=True))
def test_a_uuid_of_nothing_but_digits_is_none(middle: str) -> None:
    assert not has_card_number(f"42424242-{middle}-424242424242")


# ------------------------------------------------------------------------------------------------ in JSON


@pytest.mark.parametrize(
    ("value", "way"),
    [
        ({"input": {"lines": [{"note": "x"}, {"note": VISA}]}}, ("input", "lines", "1", "note")),
        ({"input": {VISA: "x"}}, ("input",)),
        ({VISA: 1}, ()),
        (VISA, ()),
        ([4242424242424242], ("0",)),
        ([-4242424242424242], ("0",)),
        ({"a": 4242424242424242.0}, ("a",)),
        ({"a": [[[{"b": "4242 4242\n4242 4242"}]]]}, ("a", "0", "0", "0", "b")),
        ({"a": '{"card": "4242424242424242"}'}, ("a",)),
    ],
)
def test_the_way_to_a_number_is_told_without_it(value: Any, way: tuple[str, ...]) -> None:
    assert card_number_in(value) == way


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, 1.5, 42424242.42424242, float("inf"), float("nan"), 10**40, "", [], {},
        {"a": ["4242", "4242", "4242", "4242"]}, [4242, 4242, 4242, 4242], 4006381333931,
    ],
)  # fmt: skip
def test_other_values_have_none(value: Any) -> None:
    assert card_number_in(value) is None
