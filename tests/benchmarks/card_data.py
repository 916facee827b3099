"""Card numbers: what is refused that is none, and what looking for them costs beside parsing the same body.

Prints a table of false positives with an upper bound (95 %) for each kind of text, and the ratios. Each kind that the
shop cannot do without has a most; a kind without one is for people to judge (ADR-0028).
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

from app.core.card_data import card_number_in, has_card_number
from app.http import strict_json
from tests.benchmarks import card_samples as samples

COUNT = 100_000  # of each kind
PHONES = 60_000
ROUNDS = 5
MOST_SECONDS = 0.100  # for a body of the most bytes that the endpoint reads, whatever is in it
MOST_RATIO = 3.0  # to parsing, of a body as clients send it
NEVER = 1e-4  # the most of what the shop cannot do without
HARMLESS = {
    "EAN-13", "EAN-13 as printed (1-6-6)", "UPC-A", "ISBN-13 with dashes", "UUID", "UUID without dashes", "SHA-256",
    "our ids", "our order tokens", "access tokens", "cursors", "idempotency keys", "Stripe ids",
    "Stripe client secrets", "time in ms", "time in ns", "time, ISO 8601", "fractions",
    "latitude and longitude", "IBAN", "phones: E.164", "phones: international", "phones: national",
    "order numbers: 7 to 12 digits", "order numbers: date and counter",
}  # fmt: skip
CART = {
    "query": "mutation Address($input: CartDeliveryAddressSetInput!) { cartDeliveryAddressSet(input: $input) {"
    + " cart { id version cost { total { amount } } } userErrors { code message field } } }",
    "operationName": "Address",
    "variables": {
        "input": {
            "cartId": "cart_1Bv4T1bXq3wXoGm8cJ3sQz",
            "idempotencyKey": "0d5f7f1e-1f0b-4f0a-9d3a-9a3c2b7a5e11",
            "address": {
                "fullName": "Ada Marsh", "line1": "1 Contour Road", "city": "Portland", "region": "OR",
                "postalCode": "97205", "countryCode": "US", "phone": "+1 503 555 0100",
            },
        }
    },
}  # fmt: skip
HOSTILE = {
    "fours": "4 " * 49_000,
    "nines": "9 " * 49_000,
    "fives and ones": "5 1 " * 24_500,
    "digits of another script": "٤ " * 30_000,
    "nearly card numbers": "4242424242424241 " * 5_700,
    "one long number": "4" * 98_000,
    "hexadecimal": "a4242424242424242" * 5_700,
    "gaps": ("1" + " " * 1_000) * 97,
    "words": "trail mug " * 9_800,
}


def counted() -> dict[str, tuple[int, int]]:
    """For each kind of text: how many were looked at, and how many were taken for card numbers."""
    seen: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for kind, text in _texts(Random(20_260_131)):
        seen[kind] += 1
        taken[kind] += has_card_number(text)
    return {kind: (seen[kind], taken[kind]) for kind in seen}


def _texts(random: Random) -> Iterator[tuple[str, str]]:
    for kind, make in samples.SAMPLES.items():
        yield from ((kind, make(random)) for _ in range(COUNT))
    if samples.phonenumbers is None:
        print("without phone numbers: pip install -r tests/benchmarks/requirements.txt", file=sys.stderr)
    else:
        yield from samples.phone_spellings(random, PHONES)
    if samples.CATALOGUES.exists():
        yield from samples.catalogue_texts()
    else:
        print(f"without real catalogues: {samples.CATALOGUES} is not there", file=sys.stderr)


def seconds_of(value: object) -> tuple[float, float]:
    """Seconds of parsing a body and of looking for card numbers in it: the fastest rounds, which took turns."""
    raw = json.dumps(value, ensure_ascii=False).encode()
    times = 1 if len(raw) > 10_000 else 200
    parsing, looking = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            parsed = strict_json.decode(raw)
        between = time.perf_counter()
        for _ in range(times):
            card_number_in(parsed)
        looking.append((time.perf_counter() - between) / times)
        parsing.append((between - began) / times)
    return min(parsing), min(looking)


def print_false_positives() -> bool:
    """The table; whether everything is within its bound."""
    is_good = True
    print(f"{'no card numbers':34} {'texts':>9} {'refused':>8} {'share':>9} {'at most':>9}")
    for kind, (number, taken) in counted().items():
        share, bound = taken / number, (taken + 3) / number  # with none of n, the rule of three
        is_good &= kind not in HARMLESS or share <= NEVER
        print(f"{kind:34} {number:>9,} {taken:>8,} {share:>9.4%} {bound:>9.4%}")
    return is_good


def print_costs() -> bool:
    """The ratios; whether they are within their bounds."""
    parsing, looking = seconds_of(CART)
    print(
        f"\n{'a mutation':28} {parsing * 1e6:9.0f} µs parsed {looking * 1e6:9.0f} µs looked at, {looking / parsing:.2f}"
    )
    is_good = looking / parsing <= MOST_RATIO
    for name, text in HOSTILE.items():
        parsing, looking = seconds_of({"variables": {"input": {"note": text}}})
        print(f"{name:28} {parsing * 1e6:9.0f} µs parsed {looking * 1e6:9.0f} µs looked at")
        is_good &= looking <= MOST_SECONDS
    return is_good


def main() -> int:
    """Print the tables; 1 where something is above its bound."""
    return 0 if print_false_positives() & print_costs() else 1


if __name__ == "__main__":
    sys.exit(main())
