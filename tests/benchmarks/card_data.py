"""Card numbers: what is refused that is none, and what looking for them costs beside parsing the same body.

Prints a table of false positives with an upper bound (95 %) for each kind of text, and the ratios. Each kind that the
shop cannot do without has a most; a kind without one is for people to judge (ADR-0028).
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from graphql import parse

from app.core.card_data import card_number_in, has_card_number
from app.http import strict_json
from app.http.graphql_request import MAX_BODY_BYTES, MAX_QUERY_CHARACTERS
from tests.benchmarks import card_samples as samples

COUNT = 100_000  # of each kind
PHONES = 60_000
ROUNDS = 5
MOST_RATIO = 2.0  # to parsing the same body, as clients send it
MOST_HOSTILE = 3.0  # to parsing the longest document, of the largest body that the endpoint reads, whatever is in it
MOST_GROWTH = 3.0  # of the time, from half of such a body to all of it
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
HOSTILE = {  # what a note of the largest size consists of
    "fours": "4 ",
    "nines": "9 ",
    "fives and ones": "5 1 ",
    "digits of another script": "٤ ",
    "nearly card numbers": "4242424242424241 ",
    "one long number": "4",
    "hexadecimal": "a4242424242424242",
    "gaps": "1" + " " * 1_000,
    "EANs": "4006381333931 ",
    "words": "trail mug ",
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
    """CPU seconds of parsing a body and of looking for card numbers in it: the fastest of rounds that took turns."""
    raw = json.dumps(value, ensure_ascii=False).encode()
    times = 1 if len(raw) > 10_000 else 200
    rounds = [
        (_cpu_seconds(lambda: strict_json.decode(raw), times), _cpu_seconds(lambda: card_number_in(value), times))
        for _ in range(ROUNDS)
    ]
    parsing, looking = map(min, zip(*rounds, strict=True))
    return parsing, looking


def _cpu_seconds(call: Callable[[], object], times: int = 1) -> float:
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times


def _note(part: str, size_bytes: int) -> str:
    return part * (size_bytes // len(part.encode()))


def print_false_positives() -> bool:
    """The table; whether everything is within its bound."""
    is_good = True
    print(f"{'no card numbers':34} {'texts':>9} {'refused':>8} {'share':>9} {'at most':>9}")
    for kind, (number, taken) in counted().items():
        share, bound = taken / number, _at_most(taken) / number
        is_good &= kind not in HARMLESS or share <= NEVER
        print(f"{kind:34} {number:>9,} {taken:>8,} {share:>9.4%} {bound:>9.4%}")
    return is_good


def _at_most(events: int) -> float:
    """How many there may be on average where so many were seen: 95 %, Poisson, by Wilson and Hilferty."""
    more = events + 1
    return float(more * (1 - 1 / (9 * more) + 1.645 / (3 * more**0.5)) ** 3)


def print_costs() -> bool:
    """The ratios; whether they are within their bounds."""
    parsing, looking = seconds_of(CART)
    print(f"\na mutation: {looking / parsing:.2f} of its parsing, at most {MOST_RATIO}")
    is_good = looking / parsing <= MOST_RATIO
    field = " a: shop { name }"
    document = "{" + field * ((MAX_QUERY_CHARACTERS - 2) // len(field)) + "}"
    longest = min(_cpu_seconds(lambda: parse(document)) for _ in range(ROUNDS))
    print(f"{'of the largest body':28} {'of the longest document':>24} {'of half as much':>16}")
    for name, part in HOSTILE.items():
        half, whole = (seconds_of({"note": _note(part, size)})[1] for size in (MAX_BODY_BYTES // 2, MAX_BODY_BYTES))
        print(f"{name:28} {whole / longest:24.2f} {whole / half:16.2f}")
        is_good &= whole / longest <= MOST_HOSTILE and whole / half <= MOST_GROWTH
    return is_good


def main() -> int:
    """Print the tables; 1 where something is above its bound."""
    return 0 if print_false_positives() & print_costs() else 1


if __name__ == "__main__":
    sys.exit(main())
