"""Whatever is typed into a search box: an answer, never an error.

Nor a slow one: PostgreSQL ends a statement after two seconds, which would be an error here.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.catalog.search import MAX_QUERY_LENGTH
from tests.shopkeeping import Api, Shopkeeper, new_word

FULL = """query ($q: String!) {
  products(query: $q, first: 100) { nodes { id } totalCount { value } facets { slug }
    pageInfo { hasNextPage endCursor } }
  searchSuggestions(query: $q) { queries products { id } categories { id } } }"""

NOTHING = {  # texts in which no word is
    "punctuation": "!!! ... ,,, ;;; ???",
    "stop words": "the and of to a in",
    "operators": "& | ! ( ) : * <->",
    "one operator": "&",
    "colon": ":",
    "star": ":*",
    "parentheses": "((((((",
    "quotes": '""""',
    "one quote": '"',
    "apostrophes": "''''",
    "minus": "-",
    "minuses": "- - --",
    "backslashes": "\\\\\\",
    "percent": "%",
    "underscores": "_ __ %_",
    "dollar quotes": "$$ $1 $tag$",
    "zero width": "\u200b\u200d\ufeff",
    "direction marks": "\u202e\u2066\u2069",
    "controls": "\x01\x02\x1b[2J\x7f",
    "combining marks": "\u0301" * 50,
}
ODD = {
    "ten thousand characters": "m" * 10_000,
    "ten thousand words": "mug " * 2_500,
    "ten thousand quotes": '"' * 10_000,
    "ten thousand minuses": "-a" * 5_000,
    "thousands of ors": "a or " * 2_000,
    "deep parentheses": "(" * 5_000 + "mug" + ")" * 5_000,
    "unclosed quote": '"mug',
    "unclosed after words": 'blue "trail mug',
    "operators in words": "mug&cup|pot!(pan):*",
    "prefix operator": "mug:*",
    "weights": "mug:ABCD",
    "distance": "mug <-> cup <5> pot",
    "like": "%mug_%\\",
    "sql": "'; DROP TABLE product; --",
    "backslash escapes": "\\x41 \\u0041 \\'",
    "emoji": "🥾🏔️👩‍👩‍👧‍👦 mug",
    "flags": "🇩🇪🇯🇵",
    "chinese": "登山 地图 指南针",
    "japanese": "山の地図とコンパス",
    "korean": "등산 지도",
    "thai": "แผนที่เดินป่า",
    "arabic": "خريطة الجبل",
    "hebrew": "מפת ההר",
    "devanagari": "पहाड़ का नक्शा",
    "old letters": "\U00010330\U00010331",
    "private letters": "\ue000\uf8ff\U0010fffd",
    "not characters": "\ufffe\uffff\ufdd0",
    "decomposed accents": "cafe\u0301 cre\u0300me",
    "numbers": "½ ² ① Ⅷ ٣ 1e400 0x1F -1.5 +2",
    "url": "https://shop.example/a?b=c&d=%20#e",
    "e-mail": "ada@example.com",
    "html": "<script>alert(1)</script>",
    "only or": "or or or",
    "only not": "-mug -cup",
    "one letter": "m",
    "long token": "a-" * 1_000,
    "dots": "a." * 1_000 + "com",
    "zalgo": "m" + "\u0336\u0489" * 200,
}


async def ask(api: Api, query: str) -> dict[str, Any]:
    answer = await api(FULL, q=query)
    assert (answer.status, answer.errors) == (200, [])
    return answer.data


@pytest.mark.parametrize("name", NOTHING)
async def test_a_query_without_words_finds_nothing(api: Api, name: str) -> None:
    answer = await ask(api, NOTHING[name])

    assert answer == {
        "products": {
            "nodes": [],
            "totalCount": {"value": 0},
            "facets": [{"slug": "brand"}, {"slug": "category"}, {"slug": "price"}],
            "pageInfo": {"hasNextPage": False, "endCursor": None},
        },
        "searchSuggestions": {"queries": [], "products": [], "categories": []},
    }


@pytest.mark.parametrize("name", ODD)
async def test_an_odd_query_is_answered(api: Api, name: str) -> None:
    answer = await ask(api, ODD[name])

    total = answer["products"]["totalCount"]["value"]
    assert len(answer["products"]["nodes"]) == min(total, 100)
    assert answer["products"]["pageInfo"]["hasNextPage"] is (total > 100)
    assert len(answer["searchSuggestions"]["queries"]) <= 5


@pytest.mark.parametrize("name", ["ten thousand characters", "sql", "chinese", "emoji", "thai"])
async def test_an_odd_query_leaves_the_catalogue_as_it_is(api: Api, keeper: Shopkeeper, name: str) -> None:
    word = new_word()
    await keeper.stock(f"Still there {word}")

    await ask(api, ODD[name])

    found = await api.data("query ($q: String) { products(query: $q) { nodes { name } } }", q=word)
    assert found == {"products": {"nodes": [{"name": f"Still there {word}"}]}}


@pytest.mark.parametrize(
    "text", ["登山杖", "コンパス", "компас", "πυξίδα", "بوصلة", "나침반", "Ærø", "straße", "İzmir"]
)
async def test_words_of_other_scripts_are_found(api: Api, keeper: Shopkeeper, text: str) -> None:
    word = new_word()
    await keeper.stock(f"{word} {text}")

    for query in (f"{word} {text}", f'"{word} {text}"'):
        found = await api.data("query ($q: String) { products(query: $q) { nodes { name } } }", q=query)
        assert found == {"products": {"nodes": [{"name": f"{word} {text}"}]}}


async def test_a_query_is_cut_at_its_longest_length(api: Api, keeper: Shopkeeper) -> None:
    word, other = new_word(), new_word()
    await keeper.stock(f"Cut {word}")
    full = f"{word} {'a ' * MAX_QUERY_LENGTH}"[:MAX_QUERY_LENGTH]
    query = "query ($q: String) { products(query: $q) { totalCount { value } } }"

    beyond = await api.data(query, q=f"{full} {other}")
    within = await api.data(query, q=f"{full[:-20]} {other}")

    assert beyond == {"products": {"totalCount": {"value": 1}}}
    assert within == {"products": {"totalCount": {"value": 0}}}


async def test_wildcards_of_sql_are_plain_characters(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    await keeper.stock(f"100% {word}")
    await keeper.stock(f"snake_case {word}")

    async def found(query: str) -> list[str]:
        answer = await api.data("query ($q: String) { products(query: $q) { nodes { name } } }", q=f"{word} {query}")
        return sorted(node["name"] for node in answer["products"]["nodes"])

    assert await found("100%") == [f"100% {word}"]
    assert await found("snake_case") == [f"snake_case {word}"]
    assert await found("snakeXYZcase") == []
    assert await found("%") == sorted([f"100% {word}", f"snake_case {word}"])


@pytest.mark.parametrize("name", ["sql", "like", "emoji", "not characters", "backslash escapes", "html"])
async def test_odd_text_in_other_places_of_a_search_is_answered(api: Api, name: str) -> None:
    text = ODD[name]

    answer = await api.data(
        """query ($b: [String!], $s: String!, $c: CategoryBy!) {
          products(filter: {brands: $b}) { totalCount { value } }
          product(by: {slug: $s}) { id } variant(by: {sku: $s}) { id } category(by: $c) { id } }""",
        b=[text],
        s=text,
        c={"slug": text},
    )

    assert answer == {"products": {"totalCount": {"value": 0}}, "product": None, "variant": None, "category": None}
