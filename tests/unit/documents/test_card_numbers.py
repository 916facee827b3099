from __future__ import annotations

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from app.documents.card_numbers import card_number_in_document
from tests.cards import PUBLISHED

VISA = PUBLISHED["Visa"]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (f'{{ products(query: "{VISA}") {{ nodes {{ id }} }} }}', (1, 20)),
        (f"{{ products(first: {VISA}) {{ nodes {{ id }} }} }}", (1, 19)),
        (f"{{ products(first: -{VISA}.0) {{ nodes {{ id }} }} }}", (1, 20)),
        ("{ products(min: 4.242424242424242e15) { nodes { id } } }", (1, 17)),
        (f"{{\n  # {VISA}\n  shop {{ name }}\n}}", (2, 5)),
        ("{\r\n  # 4242 4242\r\n  # 4242 4242\r\n  shop { name }\r\n}", (2, 5)),
        (f'{{ a(b: """\r\r{VISA[:8]}\n   {VISA[8:]}""") }}', (3, 1)),
        (f"{{ card_{VISA}: shop {{ name }} }}", (1, 8)),
        ("{ card4242_4242_4242_4242: shop { name } }", (1, 7)),
        ('{ a(b: "\\u0034242424242424242") }', (1, 9)),
        ('{ a(b: "\\u{34}242424242424242") }', (1, 9)),
        ('{ a(b: "4242\\n4242\\t4242\\u00a04242") }', (1, 9)),
        ('{ a(b: "\\ud835\\udfd0") }\n' + f"query Q{VISA} {{ a }}", (2, 8)),
        ('{ a(b: "' + "\\ud835\\udfd2\\ud835\\udfd0" * 8 + '") }', (1, 9)),
        (VISA, (1, 1)),
        (f'{{ a(b: "\\u{{ffffffff}}") c(d: "{VISA}") }}', (1, 30)),
    ],
)
def test_a_number_is_found_in_its_line_and_column(document: str, place: tuple[int, int]) -> None:
    assert card_number_in_document(document) == place


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{ shop { name } }",
        '{ products(query: "4006381333931") { nodes { id } } }',
        '{ a(b: "\\u4242424242424242") }',
        "{ a(b: [4242, 4242, 4242, 4242]) }",
        '{ node(id: "cart_1Bv4T1bXq3wXoGm8cJ3sQz") { id } }',
    ],
)
def test_other_documents_have_none(document: str) -> None:
    assert card_number_in_document(document) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters='"\\\0\n\r'), max_size=20), st.data())
def test_however_a_string_is_escaped_its_number_is_found(before: str, data: st.DataObject) -> None:
    forms = ["{}", "\\u{:04x}", "\\u{{{:x}}}"]
    written = "".join(
        digit if form == "{}" else form.format(ord(digit))
        for digit in VISA
        for form in [data.draw(st.sampled_from(forms))]
    )
    document = f'{{ a(b: "{before};{written}") }}'

    value = parse(document).definitions[0].selection_set.selections[0].arguments[0].value.value

    assert value == f"{before};{VISA}"
    assert card_number_in_document(document) is not None
