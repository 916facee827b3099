"""Which passwords may be chosen."""

from __future__ import annotations

import pytest

from app.accounts.password_rules import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    chosen_password,
    normal_password,
)
from app.core.errors import ErrorCode, InvalidInput


def refusal(password: str, email: str | None = "ada@example.com") -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        chosen_password(password, email=email, field=("password",))
    assert (refused.value.code, refused.value.field) == (ErrorCode.PASSWORD_WEAK, ("password",))
    assert password not in refused.value.message or password in "This password is one of those that are tried first"
    return refused.value


@pytest.mark.parametrize(
    "password",
    [
        "follow-the-contour",
        "12 words are not too many for a password, they are just right",
        "correct horse",
        "пароль-который-не-угадать",
        "🦊🦊🦊🦊🐻🐻🐻🐻",
        "x7#kq2!p",
        "a b c d e f",
        "é" * 4 + "ü" * (MAX_PASSWORD_LENGTH - 4),
    ],
)
def test_anything_long_enough_and_uncommon_may_be_chosen(password: str) -> None:
    assert chosen_password(password, email="ada@example.com", field=()) == password


@pytest.mark.parametrize("password", ["", "a", "x7#kq2!", "1234567", "🦊" * 7])
def test_seven_characters_are_too_few(password: str) -> None:
    assert "8 characters" in refusal(password).message


def test_1025_characters_are_too_many() -> None:
    assert "1024" in refusal("xy" * 512 + "z").message
    assert (MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH) == (8, 1_024)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PASSWORD",
        "12345678",
        "qwertyuiop",
        "iloveyou",
        "Football",
        "sunshine",
        "00000000",
        "zzzzzzzzz",
    ],
)
def test_common_ones_are_refused_in_any_case(password: str) -> None:
    assert "tried first" in refusal(password).message


@pytest.mark.parametrize("password", ["ada.marsh", "ADA.MARSH", "ada.marsh@example.com"])
def test_the_address_is_no_password(password: str) -> None:
    assert "e-mail address" in refusal(password, "ada.marsh@example.com").message


def test_it_does_not_matter_how_a_keyboard_writes_an_accent() -> None:
    composed, decomposed = "caf\u00e9-au-lait", "cafe\u0301-au-lait"

    assert normal_password(composed) == normal_password(decomposed)


def test_a_password_that_is_longer_once_it_is_normal_is_too_long() -> None:
    assert normal_password("\ufdfa" * 100) is None  # one character that stands for eighteen
