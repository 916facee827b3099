"""Which document is executed, in each mode."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import DatabaseUnavailable
from app.documents.asked_document import AskedDocument
from app.documents.domain import DocumentMode, NoSuchDocument, Refusal, digest
from app.documents.find_document import FindDocument, FoundDocument
from tests.unit.documents.fakes import FakeQueries, FakeTrusted, trusted

OPEN, APQ, TRUSTED = DocumentMode.OPEN, DocumentMode.APQ, DocumentMode.TRUSTED
TEXT = "{ shop { name } }"
HASH = digest(TEXT)
OTHER = "{ shop { currencyCode } }"
BY_HASH = AskedDocument(sha256=HASH)
WITH_HASH = AskedDocument(text=TEXT, sha256=HASH)


def find_document(mode: DocumentMode, *imported: tuple[str, str]) -> FindDocument:
    return FindDocument(mode, FakeTrusted(*(trusted(*each) for each in imported)), FakeQueries())


async def refusal(find: FindDocument, asked: AskedDocument) -> tuple[Refusal, str]:
    with pytest.raises(NoSuchDocument) as refused:
        await find(asked)
    return refused.value.refusal, refused.value.message


async def test_a_miss_a_registration_and_a_hit() -> None:
    find = find_document(APQ)

    missed = await refusal(find, BY_HASH)
    sent = await find(WITH_HASH)
    before = await refusal(find, BY_HASH)
    await find.keep(sent)
    hit = await find(BY_HASH)

    assert missed == before == (Refusal.NOT_FOUND, "PersistedQueryNotFound")
    assert sent == FoundDocument(TEXT, keep_as=HASH)
    assert hit == FoundDocument(TEXT)


async def test_a_text_that_is_not_the_one_of_its_hash_is_refused_and_not_kept() -> None:
    for mode in DocumentMode:
        find = find_document(mode, ("imported", OTHER))

        code, message = await refusal(find, AskedDocument(text=OTHER, sha256=HASH))

        assert (code, message) == (Refusal.MALFORMED, "The query is not the one that sha256Hash was made of.")
        assert find.cache.texts == {}


async def test_without_persisted_queries_the_text_that_comes_with_a_hash_is_executed_and_not_kept() -> None:
    find = find_document(OPEN)

    sent = await find(WITH_HASH)
    await find.keep(sent)

    assert sent == FoundDocument(TEXT)
    assert find.cache.texts == {}
    assert await refusal(find, BY_HASH) == (Refusal.NOT_SUPPORTED, "PersistedQueryNotSupported")


@pytest.mark.parametrize("mode", DocumentMode)
async def test_an_imported_document_is_found_by_its_id_and_by_its_hash_in_every_mode(mode: DocumentMode) -> None:
    find = find_document(mode, ("md5-or-anything", TEXT), ("f" * 64, OTHER))

    found = [
        await find(AskedDocument(document_id="md5-or-anything")),
        await find(AskedDocument(document_id=f"sha256:{HASH}")),
        await find(BY_HASH),
    ]

    assert found == [FoundDocument(TEXT, trusted=True)] * 3
    assert await find(AskedDocument(sha256="f" * 64)) == FoundDocument(OTHER, trusted=True)
    for unknown in ("nothing", HASH, "sha256:nothing", f"sha256:{'0' * 64}"):
        expected = (Refusal.NOT_FOUND, "PersistedQueryNotFound")
        assert await refusal(find, AskedDocument(document_id=unknown)) == expected


async def test_where_only_imported_documents_are_trusted_a_text_must_be_one_of_them() -> None:
    find = find_document(TRUSTED, ("a", TEXT))
    find.cache.texts[digest(OTHER)] = OTHER

    same = [await find(AskedDocument(text=TEXT)), await find(WITH_HASH)]
    code, message = await refusal(find, AskedDocument(text=OTHER))

    assert same == [FoundDocument(TEXT, trusted=True)] * 2
    assert code is Refusal.NOT_TRUSTED
    assert "cartograph documents import" in message
    assert "documentId" in message
    assert await refusal(find, AskedDocument(text=TEXT + " ")) == (code, message)
    assert await refusal(find, AskedDocument(sha256=digest(OTHER))) == (Refusal.NOT_FOUND, "PersistedQueryNotFound")
    assert find.cache.asked == []


async def test_a_text_without_a_hash_is_looked_up_nowhere() -> None:
    for mode in (OPEN, APQ):
        find = find_document(mode, ("a", TEXT))

        found = await find(AskedDocument(text=TEXT))
        await find.keep(found)

        assert found == FoundDocument(TEXT)
        assert (find.trusted.asked, find.cache.asked, find.cache.texts) == ([], [], {})


async def test_a_kept_query_needs_no_database() -> None:
    find = find_document(APQ)
    find.trusted.away = True
    await find.keep(await find(WITH_HASH))

    assert await find(BY_HASH) == FoundDocument(TEXT)
    with pytest.raises(DatabaseUnavailable):
        await find(AskedDocument(sha256=digest(OTHER)))


async def test_a_request_without_any_document_is_refused() -> None:
    for mode in DocumentMode:
        assert await refusal(find_document(mode), AskedDocument()) == (
            Refusal.MALFORMED,
            "The request has no query.",
        )


@given(st.text(min_size=1), st.text(min_size=1))
async def test_a_hash_never_gives_another_text_than_the_one_it_was_made_of(kept: str, asked: str) -> None:
    find = find_document(APQ)
    await find.keep(await find(AskedDocument(text=kept, sha256=digest(kept))))

    try:
        found = await find(AskedDocument(sha256=digest(asked)))
    except NoSuchDocument:
        assert asked != kept
    else:
        assert found.text == asked == kept
