"""Which passwords may be chosen: 8 to 1,024 characters, anything but the common ones and one's own address.

There are no rules on what it is made of: those make people choose `Password1!`. Passwords are compared as NFKC, so that
it does not matter which keyboard writes an accent. The list of common ones is zxcvbn's, the 30,000 most used in leaks.
Source: NIST SP 800-63B-4, 3.1.1.2; OWASP Authentication Cheat Sheet.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from app.core.errors import ErrorCode, InvalidInput

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 1_024  # characters: a longer one only costs time


def normal_password(text: str) -> str | None:
    """The password as it is hashed; None where it is longer than any may be."""
    if len(text) > MAX_PASSWORD_LENGTH:
        return None
    normal = unicodedata.normalize("NFKC", text)
    return normal if len(normal) <= MAX_PASSWORD_LENGTH else None


def chosen_password(text: str, *, email: str | None, field: tuple[str, ...]) -> str:
    """A new password as it is hashed. email: of its owner, where it is known; folded.

    Raises InvalidInput (PASSWORD_WEAK), which never repeats the password.
    """
    normal = normal_password(text)
    if normal is None:
        raise _weak(f"The password is longer than {MAX_PASSWORD_LENGTH} characters.", field)
    if len(normal) < MIN_PASSWORD_LENGTH:
        raise _weak(f"The password must have {MIN_PASSWORD_LENGTH} characters or more.", field)
    folded = normal.casefold()
    if folded in _common_passwords() or len(set(folded)) == 1:
        raise _weak("This password is one of those that are tried first: choose another one.", field)
    if email is not None and folded in (email, email.partition("@")[0]):
        raise _weak("The password must not be the e-mail address.", field)
    return normal


@cache
def _common_passwords() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # 30,000 words, for whoever sets a password

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_PASSWORD_LENGTH)


def _weak(message: str, field: tuple[str, ...]) -> InvalidInput:
    return InvalidInput(message, code=ErrorCode.PASSWORD_WEAK, field=field)
