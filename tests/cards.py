"""Card numbers for tests: published ones, made-up ones of every network, and the ways in which people write them."""

from __future__ import annotations

from hypothesis import strategies as st

from app.core.card_networks import NETWORKS, Network

PUBLISHED = {  # each works nowhere: payment providers', networks' and libraries' test numbers
    "Visa": "4242424242424242",
    "Visa debit": "4000056655665556",
    "Visa, 13 digits": "4222222222222",
    "Visa, 19 digits": "4000000000000000006",
    "Mastercard": "5555555555554444",
    "Mastercard, 2 series": "2223003122003222",
    "Mastercard debit": "5200828282828210",
    "Mastercard prepaid": "5105105105105100",
    "American Express": "378282246310005",
    "American Express, another": "371449635398431",
    "Discover": "6011111111111117",
    "Discover debit": "6011981111111113",
    "Diners Club": "3056930009020004",
    "Diners Club, 14 digits": "36227206271667",
    "Diners Club, from 38": "38520000023237",
    "BCcard": "6555900000604105",
    "JCB": "3566002020360505",
    "UnionPay": "6200000000000005",
    "UnionPay debit": "6200000000000047",
    "UnionPay, 19 digits": "6205500000000000004",
    "Maestro": "6759649826438453",
    "Maestro, from 50": "5000550000000029",
    "Maestro, 19 digits": "6799990100000000019",
    "Laser": "6304985028090561515",
    "Elo": "5066991111111118",
    "Hipercard": "6062826786276634",
    "Mir": "2200000000000004",
    "Verve": "5060990580000217499",
    "RuPay": "6074819900004939",
    "Troy": "9792030394440796",
}
SPELLINGS = {  # of a number of 16 digits
    "plain": "{0}{1}{2}{3}",
    "spaces": "{0} {1} {2} {3}",
    "dashes": "{0}-{1}-{2}-{3}",
    "dots": "{0}.{1}.{2}.{3}",
    "narrow spaces": "{0}\u202f{1}\u202f{2}\u202f{3}",
    "non-breaking hyphens": "{0}\u2011{1}\u2011{2}\u2011{3}",
    "line ends": "{0} {1}\r\n  {2} {3}",
    "zero-width spaces": "{0}\u200b{1}\u200b{2}\u200b{3}",
    "in a sentence": "my card is {0} {1} {2} {3}, 12/29, code 123",
    "a card's magnetic track": "%B{0}{1}{2}{3}^MARSH/ADA^29121010000",
}
# of the decimal digits of Unicode, some with digits of their own in every language that has them
ZEROS = [chr(0x30), "\u0660", "\u06f0", "\u0966", "\u09e6", "\u0e50", "\uff10", "\U0001d7ce", "\U0001fbf0"]
SEPARATORS = [
    *(" ", "-", ".", "\t", "\n", "\r\n", "_", "\u00a0", "\u2009", "\u202f", "\u3000", "\u2010", "\u2011", "\u2012"),
    *("\u2013", "\u2014", "\u2212", "\uff0d", "\u00b7", "\u2022", "\uff0e", "\u00ad", "\u200b", "\u200d", "\u2060"),
    *(" - ", "  ", "\u202a", "\ufe0f", "\n    "),
]


def check_digit(digits: str) -> str:
    """The digit that makes these a number with Luhn's check digit: computed as its inventor wrote it down."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += value // 10 + value % 10
    return str((10 - total % 10) % 10)


def spelled(name: str, number: str = PUBLISHED["Visa"]) -> str:
    """A number of 16 digits, spelled in one of SPELLINGS."""
    return SPELLINGS[name].format(*(number[at : at + 4] for at in range(0, 16, 4)))


def in_script(digits: str, zero: str) -> str:
    """The digits in another script, known by its zero."""
    return "".join(chr(ord(zero) + int(each)) if each.isdecimal() else each for each in digits)


@st.composite
def network_numbers(draw: st.DrawFn, networks: tuple[Network, ...] = NETWORKS) -> str:
    """A number of any network, of any of its lengths."""
    network = draw(st.sampled_from(networks))
    beginning = str(draw(st.integers(network.first, network.last)))
    length = draw(st.sampled_from(network.lengths))
    body = beginning + draw(st.text("0123456789", min_size=length - 5, max_size=length - 5))
    return body + check_digit(body)


@st.composite
def written(draw: st.DrawFn, number: str) -> str:
    """A number in groups of any size, with anything that may stand between them, in any script."""
    style = draw(st.sampled_from(["plain", "by four", "by digit", "anyhow"]))
    cuts = {
        "plain": set(),
        "by four": set(range(4, len(number), 4)),
        "by digit": set(range(1, len(number))),
        "anyhow": draw(st.sets(st.integers(1, len(number) - 1), max_size=6)),
    }[style]
    separators = draw(st.sampled_from(["one", "any"]))
    one = draw(st.sampled_from(SEPARATORS))
    text = number[0]
    for place, digit in enumerate(number[1:], 1):
        between = (one if separators == "one" else draw(st.sampled_from(SEPARATORS))) if place in cuts else ""
        text += between + digit
    return in_script(text, draw(st.sampled_from(ZEROS)))
