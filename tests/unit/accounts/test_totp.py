"""The second factor, by the vectors of RFC 6238 and by what must not pass."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from app.accounts.sealing import CannotUnseal, Sealer
from app.accounts.totp import TotpCodes
from app.core.ids import RandomSecrets

SECRETS = RandomSecrets()
SEALER = Sealer(b"the shop's secret", SECRETS)
CODES = TotpCodes(SEALER, SECRETS, issuer="Fell & Ridge")
RFC = SEALER.seal(base64.b32encode(b"12345678901234567890"), "totp")


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_the_vectors_of_the_standard(seconds: int, code: str) -> None:
    assert CODES.step_of(RFC, code, now=datetime.fromtimestamp(seconds, UTC)) == seconds // 30


def test_a_code_is_good_for_one_step_before_and_after() -> None:
    at, step = datetime.fromtimestamp(1_234_567_890, UTC), 1_234_567_890 // 30

    accepted = [CODES.step_of(RFC, "005924", now=at + timedelta(seconds=30 * drift)) for drift in (-2, -1, 0, 1, 2)]

    assert accepted == [None, step, step, step, None]


@pytest.mark.parametrize("code", ["", "287081", "28708", "2870820", "２８７０８２", "287082\n", "null", "\ud800" * 6])
def test_any_other_text_is_no_code(code: str) -> None:
    assert CODES.step_of(RFC, code, now=datetime.fromtimestamp(59, UTC)) is None


def test_an_application_reads_the_secret_and_whose_it_is() -> None:
    sealed = CODES.new_secret()
    address = urlsplit(CODES.address(sealed, "ada@example.com"))

    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    told = parse_qs(address.query)
    assert told["issuer"] == ["Fell & Ridge"]
    assert len(base64.b32decode(told["secret"][0])) * 8 == 160


def test_what_is_kept_is_sealed_and_for_one_purpose() -> None:
    sealed = CODES.new_secret()
    plain = SEALER.open(sealed, "totp")

    assert plain not in sealed
    with pytest.raises(CannotUnseal):
        SEALER.open(sealed, "another purpose")
    with pytest.raises(CannotUnseal):
        Sealer(b"another secret", SECRETS).open(sealed, "totp")
    with pytest.raises(CannotUnseal):
        SEALER.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "totp")
