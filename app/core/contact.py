"""How to reach a buyer: postal and e-mail addresses, checked for shape."""

from __future__ import annotations

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from app.core.errors import ErrorCode, InvalidInput

MAX_EMAIL_LENGTH = 254  # RFC 5321: the longest that can be delivered to
MAX_ADDRESS_FIELD_LENGTH = 200


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
_OPTIONAL = {
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
    if len(text) > MAX_EMAIL_LENGTH:
        raise InvalidInput("This e-mail address is too long.", code=ErrorCode.EMAIL_INVALID, field=field)
    try:
        return validate_email(text.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        reason = f"This is not an e-mail address: {error}".rstrip(".")
        raise InvalidInput(f"{reason}.", code=ErrorCode.EMAIL_INVALID, field=field) from None


def checked_address(address: Address, *, field: tuple[str, ...]) -> Address:
    """The address with its values trimmed and blank ones absent.

    Raises InvalidInput (ADDRESS_INVALID) naming the first value that is missing or too long.
    """
    trimmed: dict[str, str | None] = {}
    for name, public in (_REQUIRED | _OPTIONAL).items():
        value = (getattr(address, name) or "").strip() or None
        if value is None and name in _REQUIRED:
            raise InvalidInput(f"{public} is missing.", code=ErrorCode.ADDRESS_INVALID, field=(*field, public))
        if value is not None and len(value) > MAX_ADDRESS_FIELD_LENGTH:
            message = f"{public} is longer than {MAX_ADDRESS_FIELD_LENGTH} characters."
            raise InvalidInput(message, code=ErrorCode.ADDRESS_INVALID, field=(*field, public))
        trimmed[name] = value
    return Address(country_code=address.country_code, **trimmed)  # type: ignore[arg-type]  # required ones are there
