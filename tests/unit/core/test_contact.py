from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.contact import Address, checked_address, checked_email
from app.core.errors import ErrorCode, InvalidInput, Rejected
from tests.unit.fakes import ADDRESS

EMAIL = ("email",)
FIELD = ("shippingAddress",)
PUBLIC_NAMES = {
    "full_name": "fullName",
    "line1": "line1",
    "city": "city",
    "company": "company",
    "line2": "line2",
    "region": "region",
    "postal_code": "postalCode",
    "phone": "phone",
}


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  ada@example.com\t", "ada@example.com"),
        ("Ada.Marsh+shop@Example.COM", "Ada.Marsh+shop@example.com"),
        ("ada@shop.test", "ada@shop.test"),
        ("ada@MÜNCHEN.example.de", "ada@münchen.example.de"),
        ("é@example.com", "é@example.com"),
    ],
)
def test_an_email_address_is_trimmed_and_its_domain_is_lower_case(text: str, email: str) -> None:
    assert checked_email(text, field=EMAIL) == email


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@@example.com",
        "ada marsh@example.com",
        "ada@exa mple.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@[127.0.0.1]",
        "Ada <ada@example.com>",
        "ada@example.com, eve@example.com",
        "ada@example.com\nbcc: eve@example.com",
        "ada\0@example.com",
        "\ud800@example.com",
        pytest.param("ada@" + "a" * 250 + ".com", id="too long"),
    ],
)
def test_what_nothing_can_be_delivered_to_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_email(text, field=EMAIL)

    assert (refusal.value.code, refusal.value.field) == (ErrorCode.EMAIL_INVALID, EMAIL)
    assert refusal.value.message.endswith(".")
    assert not refusal.value.message.endswith("..")


def test_an_email_address_is_254_characters_long_at_most() -> None:
    host = ".".join(["a" * 60] * 3)
    longest = f"{'a' * (254 - len(host) - 5)}@{host}.com"

    assert checked_email(longest, field=EMAIL) == longest
    with pytest.raises(InvalidInput, match="too long"):
        checked_email(f"a{longest}", field=EMAIL)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40) | st.from_regex(r"\A[a-z.@\-]{3,30}\Z"))
def test_any_text_is_an_email_address_that_stays_itself_or_is_refused(text: str) -> None:
    try:
        email = checked_email(text, field=EMAIL)
    except InvalidInput:
        return

    assert checked_email(email, field=EMAIL) == email


def test_an_address_is_trimmed_and_its_blank_values_are_absent() -> None:
    written = Address(
        full_name="  Ada Marsh ",
        line1="1 Contour Road\n",
        city="Portland",
        country_code="US",
        company="   ",
        line2="",
        region=" OR ",
        postal_code="97205 ",
    )

    assert checked_address(written, field=FIELD) == ADDRESS


@pytest.mark.parametrize("name", ["full_name", "line1", "city"])
@pytest.mark.parametrize("value", ["", "   ", "\n"])
def test_an_address_without_a_required_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_address(replace(ADDRESS, **{name: value}), field=FIELD)

    public = PUBLIC_NAMES[name]
    assert refusal.value.message == f"{public} is missing."
    assert (refusal.value.code, refusal.value.field) == (ErrorCode.ADDRESS_INVALID, ("shippingAddress", public))


@pytest.mark.parametrize(("name", "public"), PUBLIC_NAMES.items())
def test_each_value_of_an_address_has_200_characters_at_most(name: str, public: str) -> None:
    somewhere = replace(ADDRESS, country_code="AO", region=None, postal_code=None)  # a country without postal codes
    fits = replace(somewhere, **{name: " " + "x" * 200})

    assert getattr(checked_address(fits, field=FIELD), name) == "x" * 200
    with pytest.raises(InvalidInput) as refusal:
        checked_address(replace(somewhere, **{name: "x" * 201}), field=FIELD)

    assert refusal.value.message == f"{public} is longer than 200 characters."
    assert (refusal.value.code, refusal.value.field) == (ErrorCode.ADDRESS_INVALID, ("shippingAddress", public))


def test_every_fault_of_an_address_is_named_at_once() -> None:
    with pytest.raises(Rejected) as refusal:
        checked_address(replace(ADDRESS, full_name="", region="Atlantis", postal_code="ABC"), field=FIELD)

    assert [fault.field[1] for fault in refusal.value.faults] == ["fullName", "region", "postalCode"]
    assert {fault.code for fault in refusal.value.faults} == {ErrorCode.ADDRESS_INVALID}


@pytest.mark.parametrize("text", ["1 Road\nLondon", "1 Road\r", "tab\tbed", "one\u2028two", "bell\x07", "x\x85y"])
def test_a_line_of_an_address_is_one_line(text: str) -> None:
    if text.strip() == "1 Road":  # at the end it is trimmed
        assert checked_address(replace(ADDRESS, line1=text), field=FIELD).line1 == "1 Road"
        return
    with pytest.raises(InvalidInput) as refusal:
        checked_address(replace(ADDRESS, line1=text), field=FIELD)

    assert refusal.value.message == "line1 has line breaks or control characters."


@pytest.mark.parametrize("name", ["عائشة بنت أحمد", "שרה כהן", "李小龍", "Zoë 👩🏽‍🚀 O’Brien", "\u202eadA"])
def test_names_of_any_script_survive(name: str) -> None:
    assert checked_address(replace(ADDRESS, full_name=name), field=FIELD).full_name == name
