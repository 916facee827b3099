from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.domain import Attribute, Image, OtherPrice, ProductDraft, SelectedOption, VariantDraft
from app.catalog_import.lines import MAX_LINE_BYTES
from app.catalog_import.reading import Item, Rejection
from app.core.money import Currency, Money
from app.core.stock import StockPolicy

Read = Callable[..., list[Item]]
Faults = Callable[[list[Item]], list[str]]
USD = Currency("USD")


def test_the_least_row_is_a_product_whose_stock_nobody_counts(read_json: Read) -> None:
    [draft] = read_json('{"name": "Trail Mug", "price": 18.00}')

    assert isinstance(draft, ProductDraft)
    assert draft.name == "Trail Mug"
    assert draft.source == "f:1"
    assert draft.key.startswith("derived:")
    assert draft.slug is None
    assert draft.variants == (VariantDraft(Money(1_800, USD), stock_policy=StockPolicy.UNTRACKED),)


def test_a_full_row_brings_every_value(read_json: Read) -> None:
    row = {
        "key": "mug",
        "name": "Trail Mug",
        "slug": "trail-mug",
        "brand": "Pinefold",
        "description": "<p>An enamel mug.</p><ul><li>350&nbsp;ml</li></ul>",
        "categories": ["Camp & Kitchen", "Mugs", "Mugs"],
        "tags": ["gift", "camp", "gift", " "],
        "attributes": {"Material": "Steel", "Capacity ml": 350, "Weight": [8.5, "light"], "Empty": []},
        "popularity": 980,
        "seo": {"title": "Mug", "description": "A mug."},
        "image": "https://x.example/1.jpg",
        "images": [
            {"url": "https://x.example/2.jpg", "alt": "Above", "width": 4, "height": 3},
            "https://x.example/1.jpg",
        ],
        "currency": "EUR",
        "prices": {"USD": 20},
        "price": "18.5",
        "compareAtPrice": 24,
        "sku": "MUG",
        "stock": 7,
        "stockPolicy": "backorder",
        "weightGrams": 140,
        "requiresShipping": False,
    }

    items = read_json(json.dumps(row))

    assert items == [
        ProductDraft(
            key="mug",
            source="f:1",
            name="Trail Mug",
            variants=(
                VariantDraft(
                    price=Money(1_850, Currency("EUR")),
                    compare_at=Money(2_400, Currency("EUR")),
                    other_prices=(OtherPrice(Money(2_000, Currency("USD"))),),
                    sku="MUG",
                    on_hand=7,
                    stock_policy=StockPolicy.BACKORDER,
                    weight_grams=140,
                    requires_shipping=False,
                ),
            ),
            description="An enamel mug.\n\n• 350 ml",
            brand="Pinefold",
            category_path=("Camp & Kitchen", "Mugs", "Mugs"),
            tags=("gift", "camp"),
            images=(Image("https://x.example/1.jpg"), Image("https://x.example/2.jpg", "Above", 4, 3)),
            attributes=(
                Attribute("material", "Material", ("Steel",)),
                Attribute("capacity-ml", "Capacity ml", ("350",)),
                Attribute("weight", "Weight", ("8.5", "light")),
            ),
            popularity=980,
            slug="trail-mug",
            seo_title="Mug",
            seo_description="A mug.",
        )
    ]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ('"name": "  "', "name: missing"),
        ('"name": null', "name: missing"),
        (r'"name": "​"', "name: missing"),
        (r'"name": "a\u0000b"', "name: holds a NUL character"),
        (f'"name": "{"x" * 256}"', "name: has 256 characters, 255 are the most"),
        ('"name": 5', "name: expected str, got int"),
        ('"price": -0.01', "price: -0.01 is negative"),
        ('"price": null', "price: missing"),
        ('"price": "NaN"', "price: NaN is out of range"),
        ('"price": "free"', "price: is not a decimal number"),
        ('"price": true', "price: expected decimal, got bool"),
        ('"price": 12.999', "price: 12.999 has more than 2 decimal places, which USD does not have"),
        ('"price": 1e30', "price: 1E+30 is out of range"),
        (f'"price": 1.{"0" * 27}1', f"price: '1.{'0' * 27}1' has more than 28 digits"),
        (
            '"currency": "JPY", "price": 0.5, "prices": {"USD": 1}',
            "price: 0.5 has more than 0 decimal places, which JPY does not have",
        ),
        ('"compareAtPrice": 17.99', "compareAtPrice: 17.99 is below the price, 18.00"),
        ('"compareAtPrice": -1', "compareAtPrice: -1 is negative"),
        ('"currency": "CHF"', "currency: 'CHF' is not one of the shop's currencies: EUR, JPY, KWD, USD"),
        ('"currency": "XQX"', "currency: 'XQX' is not an ISO 4217 currency code"),
        (f'"description": "{"x" * 50_001}"', "description: has 50001 characters, 50000 are the most"),
        (f'"brand": "{"x" * 101}"', "brand: has 101 characters, 100 are the most"),
        (f'"sku": "{"x" * 65}"', "sku: has 65 characters, 64 are the most"),
        (f'"slug": "{"x" * 129}"', "slug: has 129 characters, 128 are the most"),
        ('"slug": "Trail Mug"', "slug: 'Trail Mug' is not made of lower-case letters, digits and single hyphens"),
        (f'"key": "{"x" * 256}"', "key: has 256 characters, 255 are the most"),
        (f'"tags": ["{"x" * 65}"]', "tags: has 65 characters, 64 are the most"),
        (f'"tags": {json.dumps([str(n) for n in range(51)])}', "tags: 51 of them, 50 are the most"),
        ('"categories": ["a", ""]', "categories[1]: missing"),
        (f'"categories": ["{"x" * 81}"]', "categories[0]: has 81 characters, 80 are the most"),
        (f'"categories": {json.dumps(list("abcdefghi"))}', "categories: goes 9 levels deep, 8 are the most"),
        ('"image": "ftp://x.example/1.jpg"', "image: 'ftp://x.example/1.jpg' is not an http or https address"),
        ('"image": "//x.example/1.jpg"', "image: '//x.example/1.jpg' is not an http or https address"),
        ('"image": "https://"', "image: 'https://' is not an http or https address"),
        (f'"image": "https://x/{"x" * 2_048}"', "image: has 2058 characters, 2048 are the most"),
        ('"image": {"alt": "x"}', "image: object missing required field url"),
        ('"image": {"url": "https://x", "width": 0}', "image.width: expected int >= 1"),
        (
            f'"images": {json.dumps([f"https://x/{n}" for n in range(51)])}',
            "images: 51 of them, 50 are the most",
        ),
        ('"stock": -1', "stock: expected int >= 0"),
        ('"stock": 2147483648', "stock: expected int <= 2147483647"),
        ('"stock": 1, "stockPolicy": "untracked"', "stock: is not counted where stockPolicy is untracked"),
        ('"stockPolicy": "maybe"', "stockPolicy: 'maybe' is none of deny, backorder, untracked"),
        ('"weightGrams": 2147483648', "weightGrams: expected int <= 2147483647"),
        ('"popularity": 1.5', "popularity: expected int, got float"),
        ('"attributes": {"Size": "S", "size": "M"}', "attributes.size: means the same as Size"),
        ('"attributes": {"★": "x"}', "attributes.★: has no letter or digit in its name"),
        ('"attributes": {"": "x"}', "attributes: missing"),
        (
            f'"attributes": {{"a": {json.dumps([str(n) for n in range(51)])}}}',
            "attributes.a: 51 values, 50 are the most",
        ),
        (f'"attributes": {json.dumps({f"a{n}": "x" for n in range(51)})}', "attributes: 51 of them, 50 are the most"),
        ('"attributes": {"a": 1e999}', "attributes[...]: number out of range"),
        ('"seo": {"titel": "x"}', "seo.titel: is not a field, did you mean title?"),
        ('"prise": 18.00', "prise: is not a field, did you mean price?"),
        ('"title": "Mug"', "title: is not a field, did you mean name?"),
        ('"zzz": 1', "zzz: is not a field"),
    ],
)
def test_a_bad_value_is_named_and_keeps_its_row_out(values: str, fault: str, read_json: Read, faults: Faults) -> None:
    valid = {"name": '"A"', "price": "18.00"}
    rest = ", ".join(f'"{name}": {value}' for name, value in valid.items() if f'"{name}":' not in values)

    items = read_json(f"{{{values}, {rest}}}" if rest else f"{{{values}}}", '{"name": "B", "price": 1}')

    assert faults(items) == [f"f:1: {fault}"]
    assert [type(item) for item in items] == [Rejection, ProductDraft]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("name,price", "line: is not a JSON object"),
        ("[1]", "line: expected object, got array"),
        ('{"name": "A", "price": 1', "line: is not valid JSON: it ends too early"),
        ('{"name": "A"} x', "line: is not valid JSON: trailing characters (byte 15)"),
        ('{"price": NaN}', "line: is not valid JSON: invalid character (byte 10)"),
        (r'{"name": "\ud800"}', "line: is not valid JSON, perhaps for half a character (a lone surrogate)"),
        (b'{"name": "\xff", "price": 1}', "line: is not valid UTF-8"),
        (b'{"name": "a\0b", "price": 1}', "line: is not valid JSON: invalid character (byte 11)"),
        ("x" * (MAX_LINE_BYTES + 1), "line: is longer than 1048576 bytes"),
        ('{"seo": ' + "[" * 100_000, "seo: expected object, got array"),
    ],
)
def test_a_line_that_is_no_row_is_skipped(row: str | bytes, fault: str, read_json: Read, faults: Faults) -> None:
    items = read_json(row, '{"name": "B", "price": 1}')

    assert faults(items) == [f"f:1: {fault}"]
    assert isinstance(items[1], ProductDraft)


def test_all_faults_of_a_row_are_said_at_once(read_json: Read, faults: Faults) -> None:
    items = read_json('{"brand": "B", "price": -1, "slug": "A B", "tags": ["\\u0000"]}')

    assert faults(items) == [
        "f:1: name: missing",
        "f:1: price: -1 is negative",
        "f:1: tags: holds a NUL character",
        "f:1: slug: 'A B' is not made of lower-case letters, digits and single hyphens",
    ]


def test_blank_lines_are_nothing(read_json: Read) -> None:
    items = read_json("", '{"name": "A", "price": 1}', "  ", "")

    assert [item.source for item in items if isinstance(item, ProductDraft)] == ["f:2"]
    assert len(items) == 1


def test_the_second_row_with_a_key_is_a_fault(read_json: Read, faults: Faults) -> None:
    items = read_json(
        '{"name": "A", "price": 1, "key": "k"}', '{"name": "B", "price": 1, "key": " k "}', '{"name": "C", "price": 1}'
    )

    assert faults(items) == ["f:2: key: 'k' stands on line 1 already"]
    assert [type(item) for item in items] == [ProductDraft, Rejection, ProductDraft]


def test_mending_a_bad_row_leaves_the_keys_of_its_equals_alone(read_json: Read) -> None:
    good, bad = '{"name": "A", "price": 1}', '{"name": "A", "price": -1}'

    broken = [item.key for item in read_json(good, bad, good) if isinstance(item, ProductDraft)]
    mended = [item.key for item in read_json(good, good, good) if isinstance(item, ProductDraft)]

    assert broken == [mended[0], mended[2]]


def test_a_compare_at_price_that_equals_the_price_is_no_discount(read_json: Read) -> None:
    [draft] = read_json('{"name": "A", "price": 1, "compareAtPrice": 1.00}')

    assert isinstance(draft, ProductDraft)
    assert draft.variants[0].compare_at is None


@given(minor=st.integers(0, 10**12), digits=st.sampled_from([("JPY", 0), ("USD", 2), ("KWD", 3)]), quoted=st.booleans())
def test_every_price_is_read_exactly(minor: int, digits: tuple[str, int], quoted: bool, read_json: Read) -> None:
    currency, places = digits
    amount = f"{Decimal(minor).scaleb(-places):f}"
    written = f'"{amount}"' if quoted else amount

    own = "" if currency == "USD" else ', "prices": {"USD": 1}'
    [draft] = read_json(f'{{"name": "A", "currency": "{currency}", "price": {written}{own}}}')

    assert isinstance(draft, ProductDraft)
    assert draft.variants[0].price == Money(minor, Currency(currency))


@given(raw=st.binary(max_size=200).map(lambda raw: raw.translate(None, b"\r\n")))
def test_no_bytes_whatever_fail_otherwise_than_by_a_fault(raw: bytes, read_json: Read) -> None:
    for row in (raw, b'{"name": "' + raw + b'", "price": 1}', b'{"name": "A", "price": ' + raw + b"}"):
        for item in read_json(row):
            assert isinstance(item, ProductDraft) or (isinstance(item, Rejection) and item.faults)


TEXTS = st.text(st.sampled_from(list("ab 1.-<>&;\"'\0\n\x1b\u00e9\u200b\u2028\ud800\U0001f642")), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["attributes", "categories", "compareAtPrice", "currency", "description", "image", "images", "key", "name"]
FIELDS += ["options", "popularity", "price", "seo", "sku", "slug", "stock", "stockPolicy", "tags", "variants"]


@given(row=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6))
def test_no_json_object_whatever_fails_otherwise_than_by_a_fault(row: dict[str, object], read_json: Read) -> None:
    [item] = read_json(json.dumps({"name": "A", "price": 1} | row))

    assert isinstance(item, ProductDraft) or (isinstance(item, Rejection) and item.faults)


def test_options_are_told_apart_by_value(read_json: Read) -> None:
    [draft] = read_json('{"name": "A", "price": 1, "variants": [{"options": {"S": 1}}, {"options": {"S": "1.0"}}]}')

    assert isinstance(draft, ProductDraft)
    assert [variant.selected_options for variant in draft.variants] == [
        (SelectedOption("S", "1"),),
        (SelectedOption("S", "1.0"),),
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"name": "Mug 4242 4242 4242 4242"}, "name"),
        ({"description": "<p>Paid with 4242<b>&nbsp;</b>4242 4242 4242</p>"}, "description"),
        ({"attributes": {"Note": "4242424242424242"}}, "attributes.Note"),
        ({"tags": ["4242-4242-4242-4242"]}, "tags"),
        ({"seo": {"description": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"}}, "seo.description"),
        ({"image": {"url": "https://x.example/1.jpg", "alt": "4242424242424242"}}, "image alt text"),
    ],
)
def test_a_card_number_in_a_text_is_named_by_its_field(
    read_json: Read, faults: Faults, row: dict[str, object], field: str
) -> None:
    items = read_json(json.dumps({"name": "Trail Mug", "price": 18, **row}), '{"name": "Bowl", "price": 9}')

    assert faults(items) == [f"f:1: {field}: has what looks like a payment card number"]
    assert isinstance(items[1], ProductDraft)


def test_long_numbers_of_machines_are_no_card_numbers(read_json: Read) -> None:
    number = "4242424242424242"
    row = {"name": "Mug", "key": number, "sku": number, "image": f"https://x.example/{number}.jpg", "price": 18}

    [draft] = read_json(json.dumps(row))

    assert isinstance(draft, ProductDraft)
    assert draft.variants[0].sku == number
