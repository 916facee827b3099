"""The category tree through the API."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from app.core.ids import Kind, encode
from tests.shopkeeping import Api, Shopkeeper, new_word

CATEGORY = "id slug name description path { name } parent { name } children { name }"


@dataclass(frozen=True, slots=True)
class Tree:
    """Root → Left → Leaf, and Root → Right; a product in each."""

    word: str

    def slug(self, name: str) -> str:
        return f"{name}-{self.word}".lower()

    def path(self, *names: str) -> list[dict[str, str]]:
        return [{"name": f"{name} {self.word}"} for name in names]


@pytest.fixture
async def tree(keeper: Shopkeeper) -> Tree:
    word = new_word()
    for names in (("Root",), ("Root", "Right"), ("Root", "Left"), ("Root", "Left", "Leaf")):
        path = tuple(f"{name} {word}" for name in names)
        await keeper.stock(f"In {names[-1]} {word}", category_path=path)
    return Tree(word)


async def find(api: Api, slug: str, fields: str = CATEGORY) -> dict:
    return (await api.data(f"query ($s: String!) {{ category(by: {{slug: $s}}) {{ {fields} }} }}", s=slug))["category"]


async def test_a_root_knows_its_children_by_name_and_has_no_parent(api: Api, tree: Tree) -> None:
    root = await find(api, tree.slug("root"))

    assert root.pop("id").startswith("cat_")
    assert root == {
        "slug": tree.slug("root"),
        "name": f"Root {tree.word}",
        "description": "",
        "path": tree.path("Root"),
        "parent": None,
        "children": tree.path("Left", "Right"),
    }


async def test_a_leaf_knows_its_way_from_the_root(api: Api, tree: Tree) -> None:
    leaf = await find(api, tree.slug("leaf"), "path { name } parent { name } children { name }")

    assert leaf == {
        "path": tree.path("Root", "Left", "Leaf"),
        "parent": {"name": f"Left {tree.word}"},
        "children": [],
    }


async def test_a_category_is_the_same_by_id_as_by_slug(api: Api, tree: Tree) -> None:
    by_slug = await find(api, tree.slug("left"))

    by_id = await api.data(f"query ($id: ID!) {{ category(by: {{id: $id}}) {{ {CATEGORY} }} }}", id=by_slug["id"])

    assert by_id == {"category": by_slug}


async def test_a_categorys_products_are_those_of_its_whole_subtree(api: Api, tree: Tree) -> None:
    fields = "products(sort: NAME_ASC) { nodes { name } totalCount { value precision } }"

    found = {name: await find(api, tree.slug(name), fields) for name in ("root", "left", "leaf", "right")}

    assert {name: [node["name"] for node in each["products"]["nodes"]] for name, each in found.items()} == {
        "root": [f"In {name} {tree.word}" for name in ("Leaf", "Left", "Right", "Root")],
        "left": [f"In {name} {tree.word}" for name in ("Leaf", "Left")],
        "leaf": [f"In Leaf {tree.word}"],
        "right": [f"In Right {tree.word}"],
    }
    assert found["root"]["products"]["totalCount"] == {"value": 4, "precision": "EXACT"}


async def test_a_filter_by_category_stays_within_the_category_it_is_asked_of(api: Api, tree: Tree) -> None:
    ids = {name: (await find(api, tree.slug(name), "id"))["id"] for name in ("root", "left", "right")}
    query = """query ($s: String!, $ids: [ID!]) { category(by: {slug: $s}) {
      products(filter: {categories: $ids}) { totalCount { value } } } }"""

    async def count(slug: str, *names: str) -> int:
        answer = await api.data(query, s=tree.slug(slug), ids=[ids[name] for name in names])
        return answer["category"]["products"]["totalCount"]["value"]

    assert await count("left", "right") == 0
    assert await count("left", "root") == 2
    assert await count("root", "left", "right") == 3
    assert await count("left") == 2


async def test_the_categories_below_one_come_in_pages_by_name(api: Api, keeper: Shopkeeper) -> None:
    word = new_word()
    names = [f"{letter} {word}" for letter in "dbeac"]
    for name in names:
        await keeper.stock(f"In {name}", category_path=(f"Top {word}", name))
    parent = (await find(api, f"top-{word}", "id"))["id"]
    query = """query ($p: ID, $after: Cursor) { categories(parentId: $p, first: 2, after: $after) {
      nodes { name } edges { cursor node { name } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""

    pages = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append((await api.data(query, p=parent, after=after))["categories"])
        after = pages[-1]["pageInfo"]["endCursor"]

    assert [[node["name"] for node in page["nodes"]] for page in pages] == [
        [f"a {word}", f"b {word}"],
        [f"c {word}", f"d {word}"],
        [f"e {word}"],
    ]
    for page in pages:
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False, True, True]


async def test_without_a_parent_categories_lists_the_roots(api: Api, tree: Tree) -> None:
    answer = await api.data("{ categories(first: 100) { nodes { name parent { name } } pageInfo { hasNextPage } } }")

    roots = answer["categories"]["nodes"]
    assert {"name": f"Root {tree.word}", "parent": None} in roots
    assert [root["parent"] for root in roots] == [None] * len(roots)
    names = [root["name"].lower() for root in roots]
    assert names == sorted(names)
    assert answer["categories"]["pageInfo"]["hasNextPage"] is False


async def test_below_an_unknown_category_there_is_nothing(api: Api) -> None:
    query = "query ($p: ID) { categories(parentId: $p) { nodes { name } pageInfo { hasNextPage endCursor } } }"

    answer = await api.data(query, p=encode(Kind.CATEGORY, 2**31 - 1))

    assert answer == {"categories": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}


@pytest.mark.parametrize("parent", ["", "cat_", "prod_2", "cat_0", "x"])
async def test_a_malformed_parent_is_an_input_error(api: Api, parent: str) -> None:
    answer = await api("query ($p: ID) { categories(parentId: $p) { nodes { name } } }", p=parent)

    assert answer.codes() == ["BAD_USER_INPUT"]


async def test_a_new_category_shows_at_once_although_the_tree_was_cached(
    api: Api, keeper: Shopkeeper, tree: Tree
) -> None:
    before = [await find(api, tree.slug("right"), "children { name }") for _ in range(2)]

    await keeper.stock("New", category_path=(f"Root {tree.word}", f"Right {tree.word}", f"New {tree.word}"))

    assert before == [{"children": []}] * 2
    assert await find(api, tree.slug("right"), "children { name }") == {"children": tree.path("New")}
