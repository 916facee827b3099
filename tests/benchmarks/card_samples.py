"""What shoppers and shops send that is no card number, made up in the real shapes, for `tests.benchmarks.card_data`.

Everything comes from one seed. Phone numbers are valid ones of every region, in the lengths of its numbering plan:
`pip install -r tests/benchmarks/requirements.txt`. Catalogues are read from ../shared/data where they are there.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from uuid import UUID

from app.core.clock import SystemClock
from app.core.ids import Kind, OrderId, encode
from app.core.pagination import encode_cursor, fingerprint
from app.orders.access_token import OrderAccessTokens

try:
    import phonenumbers
except ImportError:
    phonenumbers = None

CATALOGUES = Path(__file__).resolve().parents[3] / "shared" / "data"
BASE_62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EAN_PREFIXES = (  # GS1, of the markets with most products: North America, France, Germany, Japan, UK, China, …
    *("0", "1", "30", "31", "36", "40", "41", "42", "43", "44", "45", "49", "50", "54", "57", "590", "599", "64"),
    *("690", "691", "692", "693", "694", "695", "697", "70", "73", "76", "80", "83", "84", "87", "88", "90", "978"),
)
_IBANS = {  # country: the shape of what follows the check digits
    "DE": "n" * 18, "FR": "n" * 10 + "c" * 11 + "n" * 2, "ES": "n" * 20, "IT": "a" + "n" * 10 + "c" * 12,
    "NL": "aaaa" + "n" * 10, "BE": "n" * 12, "AT": "n" * 16, "GB": "aaaa" + "n" * 14, "PL": "n" * 24,
    "PT": "n" * 21, "SE": "n" * 20, "DK": "n" * 14, "FI": "n" * 14, "NO": "n" * 11, "CH": "n" * 5 + "c" * 12,
    "IE": "aaaa" + "n" * 14, "CZ": "n" * 20, "HU": "n" * 24, "LT": "n" * 16, "SA": "n" * 2 + "c" * 18,
}  # fmt: skip

Maker = Callable[[Random], str]


def digits(random: Random, count: int) -> str:
    """So many random digits."""
    return "".join(random.choices("0123456789", k=count))


def gtin(body: str) -> str:
    """The digits with GS1's check digit behind them."""
    total = sum(int(each) * (3 if place % 2 == 0 else 1) for place, each in enumerate(reversed(body)))
    return body + str(-total % 10)


def ean(random: Random) -> str:
    """An EAN-13."""
    prefix = random.choice(_EAN_PREFIXES)
    return gtin(prefix + digits(random, 12 - len(prefix)))


def gtin_14(random: Random) -> str:
    """The number of a carton: an indicator, an EAN without its check digit, a check digit."""
    return gtin(random.choice("12345678") + ean(random)[:-1])


def sscc(random: Random) -> str:
    """The number of a pallet or parcel, 18 digits."""
    return gtin(random.choice("0123456789") + ean(random)[:7] + digits(random, 9))


def iban(random: Random) -> str:
    """An IBAN with right check digits, half of them in groups of four."""
    country, shape = random.choice(list(_IBANS.items()))
    pools = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    body = "".join(random.choice(pools[each]) for each in shape)
    check = 98 - int("".join(str(int(each, 36)) for each in f"{body}{country}00")) % 97
    text = f"{country}{check:02}{body}"
    return text if random.random() < 0.5 else " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def moment(random: Random) -> datetime:
    """A moment between 2020 and 2035."""
    return datetime(2020, 1, 1, tzinfo=UTC) + timedelta(microseconds=random.randrange(15 * 365 * 86_400 * 10**6))


def order_token(random: Random) -> str:
    """What opens a guest's order."""
    order_id = OrderId(UUID(int=random.getrandbits(128), version=4))
    return OrderAccessTokens(random.randbytes(32), SystemClock()).issue(order_id)


def signed_token(random: Random) -> str:
    """An access token's text: three parts of base64url."""
    parts = (b'{"alg":"EdDSA","typ":"at+jwt"}', json.dumps({"sub": str(_uuid(random)), "exp": random.getrandbits(31)}))
    encoded = [part if isinstance(part, bytes) else part.encode() for part in parts]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*encoded, random.randbytes(64)))


def cursor(random: Random) -> str:
    """A cursor of a page of products."""
    position = (random.random(), random.randrange(10**6), random.randrange(2**31))
    return encode_cursor(fingerprint(random.random()), position)


def parcel(random: Random) -> str:
    """A tracking number, in the shapes of the carriers with most parcels."""
    made = random.choice(
        [
            lambda: "1Z" + "".join(random.choices(CROCKFORD, k=6)) + digits(random, 10),  # UPS
            lambda: digits(random, 12),  # FedEx
            lambda: digits(random, 15),  # FedEx Ground
            lambda: "94" + digits(random, 20),  # USPS
            lambda: " ".join(["94" + digits(random, 2), *(digits(random, 4) for _ in range(4)), digits(random, 2)]),
            lambda: "00340434" + digits(random, 12),  # DHL parcel in Germany
            lambda: "JJD" + digits(random, 18),  # DHL
            lambda: "01" + digits(random, 12),  # DPD
            lambda: "H" + digits(random, 19),  # Hermes, Evri
            lambda: f"R{random.choice('ABCDEFG')}{digits(random, 9)}DE",  # UPU S10
        ]
    )
    return made()


def idempotency_key(random: Random) -> str:
    """A key as the usual libraries make it: UUID, ULID, nanoid, time and chance."""
    made = random.choice(
        [
            lambda: str(_uuid(random)),
            lambda: f"checkout-{_uuid(random)}-{random.randrange(10)}",
            lambda: "01" + "".join(random.choices(CROCKFORD, k=24)),
            lambda: "".join(random.choices(BASE_62 + "-_", k=21)),
            lambda: f"{int(moment(random).timestamp() * 1_000)}-{random.randrange(10**6)}",
            lambda: f"{random.getrandbits(96):024x}",
        ]
    )
    return made()


SAMPLES: dict[str, Maker] = {
    "EAN-13": ean,
    "EAN-13 as printed (1-6-6)": lambda random: (lambda text: f"{text[0]} {text[1:7]} {text[7:]}")(ean(random)),
    "UPC-A": lambda random: gtin(digits(random, 11)),
    "ISBN-13 with dashes": lambda random: (lambda text: f"978-3-{text[4:8]}-{text[8:12]}-{text[12]}")(
        gtin("9783" + digits(random, 8))
    ),
    "GTIN-14": gtin_14,
    "SSCC": sscc,
    "UUID": lambda random: str(_uuid(random)),
    "UUID without dashes": lambda random: _uuid(random).hex,
    "SHA-256": lambda random: hashlib.sha256(random.randbytes(8)).hexdigest(),
    "our ids": lambda random: encode(random.choice([Kind.CART, Kind.ORDER, Kind.CART_LINE]), _uuid(random)),
    "our order tokens": order_token,
    "access tokens": signed_token,
    "cursors": cursor,
    "idempotency keys": idempotency_key,
    "Stripe ids": lambda random: (
        random.choice(["pm_", "pi_", "ctoken_", "re_"]) + random.choice("13") + "".join(random.choices(BASE_62, k=23))
    ),
    "Stripe client secrets": lambda random: (
        f"pi_3{''.join(random.choices(BASE_62, k=23))}_secret_" + "".join(random.choices(BASE_62, k=25))
    ),
    "time in ms": lambda random: str(int(moment(random).timestamp() * 10**3)),
    "time in µs": lambda random: str(int(moment(random).timestamp() * 10**6)),
    "time in ns": lambda random: str(int(moment(random).timestamp()) * 10**9 + random.randrange(10**9)),
    "time, ISO 8601": lambda random: moment(random).isoformat(sep=random.choice(" T")),
    "fractions": lambda random: str(random.random()),
    "latitude and longitude": lambda random: f"{random.uniform(-90, 90)}, {random.uniform(-180, 180)}",
    "IBAN": iban,
    "tracking numbers": parcel,
    "order numbers: date and counter": lambda random: f"{moment(random):%Y%m%d}-{digits(random, 6)}",
    "order numbers: 7 to 12 digits": lambda random: digits(random, random.randint(7, 12)),
    "order numbers: Amazon's (3-7-7)": lambda random: f"{digits(random, 3)}-{digits(random, 7)}-{digits(random, 7)}",
    "IMEI": lambda random: random.choice(["35", "86", "01", "99"]) + digits(random, 13),
    "13 random digits": lambda random: digits(random, 13),
    "14 random digits": lambda random: digits(random, 14),
    "15 random digits": lambda random: digits(random, 15),
    "16 random digits": lambda random: digits(random, 16),
    "19 random digits": lambda random: digits(random, 19),
}


def phone_spellings(random: Random, count: int) -> Iterator[tuple[str, str]]:
    """Valid phone numbers, and how they are spelled: E.164, without the plus, international, national, with dashes."""
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    for number in islice(_phones(random, regions), count):
        plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        abroad = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        yield "phones: E.164", plain
        yield "phones: E.164 without +", plain[1:]
        yield "phones: 00 for +", f"00{plain[1:]}"
        yield "phones: international", abroad
        yield "phones: international, dashes", abroad.replace(" ", "-")
        yield "phones: international without +", abroad[1:]
        yield (
            "phones: national",
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL),
        )


def catalogue_texts() -> Iterator[tuple[str, str]]:
    """Every value of the real catalogues, by what it is."""
    for line in (CATALOGUES / "bestbuy" / "products.jsonl").read_text().splitlines():
        for name, value in json.loads(line).items():
            for each in value if isinstance(value, list) else [value]:
                yield f"catalogue: {name}", str(each)
    for path in sorted((CATALOGUES / "shopify").glob("*.csv")):
        with path.open(newline="") as stream:
            for row in csv.DictReader(stream):
                yield from ((f"catalogue: {_kind(name)}", value) for name, value in row.items() if value)


def _kind(column: str) -> str:
    return {"Title": "name", "Body (HTML)": "description", "Image Src": "image"}.get(column, "other columns")


def _phones(random: Random, regions: list[str]) -> Iterator[phonenumbers.PhoneNumber]:
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    examples = [
        example
        for region in regions
        for kind in kinds
        if (example := phonenumbers.example_number_for_type(region, kind)) is not None
    ]
    while True:
        example = random.choice(examples)
        national = str(example.national_number)
        kept = national[: max(2, len(national) - 7)]
        for length in {len(national) - 1, len(national), len(national) + 1}:
            number = phonenumbers.PhoneNumber(
                country_code=example.country_code,
                national_number=int(kept + digits(random, length - len(kept))),
                italian_leading_zero=example.italian_leading_zero,
            )
            if phonenumbers.is_valid_number(number):
                yield number


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)
