"""Trusted documents on the real table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from app.bootstrap import Shop
from app.core.errors import NotFound
from app.documents.domain import MAX_BODY_CHARACTERS, MAX_ID_CHARACTERS, CheckedDocument, TrustedDocument, digest
from app.documents.import_documents import STORED_AT_ONCE, ImportOutcome
from app.documents.manifest import Manifest, ManifestEntry
from app.documents.repository import SqlTrustedDocuments
from tests.shopkeeping import counted_statements, new_word

TEXT = "query Shop { shop { name } }"


async def load(shop: Shop, documents: Sequence[tuple[str, str]], *, dry_run: bool = False) -> ImportOutcome:
    entries = tuple(ManifestEntry("m.json", each, body) for each, body in documents)
    return await shop.import_documents(
        [Manifest(entries)],
        lambda _: CheckedDocument(("Shop", "Other"), ()),
        dry_run=dry_run,
        report_progress=lambda _: None,
    )


async def listed(shop: Shop, word: str) -> dict[str, str]:
    return {each.id: each.body async for each in shop.list_documents() if word in each.id}


async def test_a_document_comes_back_as_it_was_imported(shop: Shop) -> None:
    word = new_word()
    body = f'{{ products(query: "{word} köflach ❤ 🧭 \\\\ \'%s") {{ nodes {{ name }} }} }}'
    document_id = f"{word} \"quoted\" 'id' {{%s}} ❤"
    reader = SqlTrustedDocuments(shop.database)

    outcome = await load(shop, [(document_id, body)])
    found = [await reader.find_by_id(document_id), await reader.find_by_sha256(digest(body))]

    assert outcome == ImportOutcome(created=1)
    assert found[0] is not None
    assert found[0] == found[1]
    assert found[0] == TrustedDocument(document_id, digest(body), body, ("Shop", "Other"), found[0].imported_at)
    assert await reader.find_by_id(document_id.upper()) is None
    assert await reader.find_by_sha256(digest(body + " ")) is None


async def test_the_longest_document_under_the_longest_id_is_stored(shop: Shop) -> None:
    document_id = new_word().ljust(MAX_ID_CHARACTERS, "🧭")
    body = "❤" * MAX_BODY_CHARACTERS

    await load(shop, [(document_id, body)])

    assert await listed(shop, document_id) == {document_id: body}


async def test_two_ids_may_have_one_text(shop: Shop) -> None:
    word = new_word()
    body = f"{{ shop {{ {word}: name }} }}"

    await load(shop, [(f"{word}-b", body), (f"{word}-a", body)])
    found = await SqlTrustedDocuments(shop.database).find_by_sha256(digest(body))

    assert found is not None
    assert found.id == f"{word}-a"


async def test_a_second_import_with_one_other_text_changes_nothing_at_all(shop: Shop) -> None:
    word = new_word()
    await load(shop, [(f"{word}-a", TEXT)])

    again = await load(shop, [(f"{word}-a", TEXT)])
    changed = await load(shop, [(f"{word}-0", TEXT), (f"{word}-a", TEXT + " "), (f"{word}-b", TEXT)])
    dry = await load(shop, [(f"{word}-b", TEXT)], dry_run=True)

    assert (again, dry) == (ImportOutcome(unchanged=1), ImportOutcome(created=1))
    assert [fault.entry for fault in changed.faults] == [f"{word}-a"]
    assert await listed(shop, word) == {f"{word}-a": TEXT}


async def test_of_imports_that_disagree_at_the_same_moment_one_wins_whole(shop: Shop) -> None:
    word = new_word()
    ids = [f"{word}-{number:04}" for number in range(3 * STORED_AT_ONCE)]  # several statements, so that they overlap
    texts = [f"query Q{number} {{ shop {{ name }} }}" for number in range(4)]
    orders = (ids, ids[::-1], ids, ids[::-1])

    outcomes = await asyncio.gather(
        *(load(shop, [(each, body) for each in order]) for body, order in zip(texts, orders, strict=True))
    )

    won = [body for body, outcome in zip(texts, outcomes, strict=True) if not outcome.faults]
    assert sorted(outcome.created for outcome in outcomes) == [0, 0, 0, len(ids)]
    assert await listed(shop, word) == dict.fromkeys(ids, won[0])
    assert len(won) == 1


async def test_imports_that_agree_at_the_same_moment_store_each_document_once(shop: Shop) -> None:
    word = new_word()
    documents = [(f"{word}-{number:02}", TEXT) for number in range(40)]

    outcomes = await asyncio.gather(*(load(shop, documents[:: (-1) ** turn]) for turn in range(4)))

    assert sum(outcome.created for outcome in outcomes) == 40
    assert sum(outcome.unchanged for outcome in outcomes) == 120
    assert [outcome.faults for outcome in outcomes] == [()] * 4


async def test_the_number_of_statements_grows_with_hundreds_of_documents_only(shop: Shop) -> None:
    word = new_word()
    many = [(f"{word}-{number:05}", TEXT) for number in range(STORED_AT_ONCE)]

    with counted_statements(shop) as few_statements:
        await load(shop, many[:1], dry_run=True)
    with counted_statements(shop) as many_statements:
        await load(shop, many, dry_run=True)

    assert len(few_statements) == len(many_statements) == 2
    assert await listed(shop, word) == {}


async def test_documents_are_removed_all_or_none(shop: Shop) -> None:
    word = new_word()
    await load(shop, [(f"{word}-{each}", TEXT) for each in "abc"])

    with pytest.raises(NotFound, match=f"{word}-x"):
        await shop.remove_documents([f"{word}-a", f"{word}-x"])
    after_failure = await listed(shop, word)
    removed = await shop.remove_documents([f"{word}-a", f"{word}-c"])

    assert len(after_failure) == 3
    assert removed == 2
    assert await listed(shop, word) == {f"{word}-b": TEXT}


async def test_a_process_answers_what_is_imported_elsewhere(shop: Shop) -> None:
    word = new_word()
    body = f"{{ shop {{ {word}: name }} }}"

    await load(shop, [(f"sha256:{digest(body)}", body)])
    found = await shop.find_document.trusted.find_by_id(f"sha256:{digest(body)}")

    assert found is not None
    assert found.body == body
