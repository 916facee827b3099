from __future__ import annotations

import pytest

from app.core.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Trail Mug", "Trail Mug"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("row 4: 'paid by 4242 4242 4242 4242'", "row 4: 'paid by [card number]'"),
        ("4242 4242\n4242 4242", "[card number]"),
    ],
)
def test_text_of_strangers_is_shown_without_commands_and_card_numbers(text: str, shown: str) -> None:
    assert printable(text) == shown
