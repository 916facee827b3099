"""The numbers that payment card networks give out: how they begin, and how long they are.

Ranges are of the first four digits; a network whose range is finer is widened to them, which refuses a little more and
misses nothing. Closed schemes whose cards have all expired and fuel cards are left out. See ADR-0028.
Source: ISO/IEC 7812-1; the networks' published issuer identification numbers, as of 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST, LONGEST = 13, 19  # digits


@dataclass(frozen=True, slots=True)
class Network:
    """A range of numbers. first, last: of the first four digits, both included; lengths: in digits."""

    name: str
    first: int
    last: int
    lengths: tuple[int, ...]


_TO_19 = (16, 17, 18, 19)
NETWORKS = (
    Network("UATP", 1000, 1999, (15,)),
    Network("JCB", 1800, 1800, (15,)),
    Network("GPN", 1946, 1946, (16,)),
    Network("JCB", 2131, 2131, (15,)),
    Network("Mir", 2200, 2204, _TO_19),
    Network("BORICA", 2205, 2205, (16,)),
    Network("Mastercard", 2221, 2720, (16,)),
    Network("Diners Club", 3000, 3099, (14, 15, *_TO_19)),
    Network("American Express", 3400, 3499, (15,)),
    Network("JCB", 3528, 3589, _TO_19),
    Network("Diners Club", 3600, 3699, (14, 15, *_TO_19)),
    Network("American Express", 3700, 3799, (15,)),
    Network("Diners Club", 3800, 3999, (14, 15, *_TO_19)),
    Network("Visa", 4000, 4999, (13, 16, 18, 19)),
    # Elo, RuPay, Verve and domestic cards share these with Maestro
    Network("Maestro", 5000, 5099, _TO_19),
    Network("Maestro", 5018, 5018, (13, 14, 15)),
    Network("Maestro", 5020, 5020, (13, 14, 15)),
    Network("Maestro", 5038, 5038, (13, 14, 15)),
    Network("Mastercard", 5100, 5599, (16,)),
    Network("Maestro", 5600, 5999, _TO_19),
    Network("Maestro", 5893, 5893, (13, 14, 15)),
    # with Discover, UnionPay, RuPay, Troy, Hipercard, InterPayment, InstaPayment and Elo
    Network("Maestro", 6000, 6999, _TO_19),
    Network("Maestro", 6304, 6304, (13, 14, 15)),
    Network("Maestro", 6759, 6759, (13, 14, 15)),
    Network("Maestro", 6761, 6763, (13, 14, 15)),
    Network("UnionPay", 8100, 8171, _TO_19),
    Network("RuPay", 8172, 8299, (16,)),
    Network("UzCard", 8600, 8600, (16,)),
    Network("ArCa", 9051, 9051, (16,)),
    Network("Belkart", 9112, 9112, (16,)),
    Network("BC Card", 9400, 9499, (16,)),
    Network("mada", 9682, 9682, (16,)),
    Network("NAPAS", 9704, 9704, (16, 19)),
    Network("Troy", 9792, 9792, (16,)),
    Network("Prostir", 9804, 9804, (16,)),
    Network("Humo", 9860, 9860, (16,)),
)


def _by_beginning() -> Iterator[tuple[str, tuple[int, ...]]]:
    lengths: dict[int, set[int]] = {}
    for network in NETWORKS:
        for beginning in range(network.first, network.last + 1):
            lengths.setdefault(beginning, set()).update(network.lengths)
    return ((str(beginning), tuple(sorted(each))) for beginning, each in lengths.items())


LENGTHS_BY_BEGINNING: dict[str, tuple[int, ...]] = dict(_by_beginning())  # of the first four digits
