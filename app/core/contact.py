"""How to reach a buyer: e-mail addresses checked for shape, postal addresses by their country."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from unicodedata import category

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from app.core.errors import ErrorCode, InvalidInput, Rejected
from app.core.postal import checked_parts, postal_faults

MAX_EMAIL_LENGTH = 254  # RFC 5321: the longest that can be delivered to
MAX_ADDRESS_FIELD_LENGTH = 200
_BREAKS = frozenset({"Cc", "Zl", "Zp"})  # categories of characters that would end a line of a label


@dataclass(frozen=True, slots=True)
class Address:
    """Where a parcel or a bill goes. country_code: ISO 3166-1 alpha-2."""

    full_name: str
    line1: str
    city: str
    country_code: str
    company: str | None = None
    line2: str | None = None
    region: str | None = None
    postal_code: str | None = None
    phone: str | None = None


_REQUIRED = {"full_name": "fullName", "line1": "line1", "city": "city"}
_PUBLIC = _REQUIRED | {
    "company": "company",
    "line2": "line2",
    "region": "region",
    "postal_code": "postalCode",
    "phone": "phone",
}


def checked_email(text: str, *, field: tuple[str, ...]) -> str:
    """The address, trimmed, with its domain in lower case.

    Raises InvalidInput (EMAIL_INVALID) when nothing could ever be delivered to it. Nobody is asked over the network.
    """
    return _validated(text, field).normalized


def deliverable_email(text: str) -> str:
    """The address as mail servers know it: with its domain in ASCII, unless the mailbox's own name is not.

    Raises InvalidInput (EMAIL_INVALID) when nothing could ever be delivered to it.
    """
    found = _validated(text, ())
    return found.ascii_email or found.normalized


def _validated(text: str, field: tuple[str, ...]) -> ValidatedEmail:
    if len(text) > MAX_EMAIL_LENGTH:
        raise InvalidInput("This e-mail address is too long.", code=ErrorCode.EMAIL_INVALID, field=field)
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        reason = f"This is not an e-mail address: {error}".rstrip(".")
        raise InvalidInput(f"{reason}.", code=ErrorCode.EMAIL_INVALID, field=field) from None


def checked_address(address: Address, *, field: tuple[str, ...]) -> Address:
    """The address with its values trimmed, blank ones absent, and what the country writes in one way written so.

    Raises InvalidInput (ADDRESS_INVALID) for a value that is missing, too long or not the country's, or Rejected with
    one for each of them.
    """
    trimmed = {name: (getattr(address, name) or "").strip() or None for name in _PUBLIC}
    wrong = dict(_faults(trimmed))
    region, postal_code = trimmed["region"], trimmed["postal_code"]
    for name, message in postal_faults(address.country_code, region, postal_code):
        wrong.setdefault(name, message)
    faults = [
        InvalidInput(message, code=ErrorCode.ADDRESS_INVALID, field=(*field, name)) for name, message in wrong.items()
    ]
    if faults:
        raise faults[0] if len(faults) == 1 else Rejected(faults)
    trimmed["region"], trimmed["postal_code"] = checked_parts(address.country_code, region, postal_code)
    return Address(country_code=address.country_code, **trimmed)  # type: ignore[arg-type]  # required ones are there


def _faults(values: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        public = _PUBLIC[name]
        if value is None and name in _REQUIRED:
            yield public, f"{public} is missing."
        elif value is not None and len(value) > MAX_ADDRESS_FIELD_LENGTH:
            yield public, f"{public} is longer than {MAX_ADDRESS_FIELD_LENGTH} characters."
        elif value is not None and any(category(each) in _BREAKS for each in value):
            yield public, f"{public} has line breaks or control characters."
