"""Imports are idempotent, all or nothing, and never change a document."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app.core.errors import NotFound
from app.documents.domain import CheckedDocument, digest
from app.documents.import_documents import STORED_AT_ONCE, ImportDocuments, ImportOutcome
from app.documents.list_documents import PAGE_DOCUMENTS, ListDocuments
from app.documents.manifest import Manifest, ManifestEntry
from app.documents.remove_documents import RemoveDocuments
from tests.unit.documents.fakes import FakeTransactions, trusted
from tests.unit.fakes import NOON, FixedClock

SHOP, SEARCH = "query Shop { shop { name } }", "query Search { products { nodes { name } } }"


def manifest(*documents: tuple[str, str], file: str = "m.json", operation_name: str | None = None) -> Manifest:
    return Manifest(tuple(ManifestEntry(file, each, body, operation_name) for each, body in documents))


def check(text: str) -> CheckedDocument:
    """A schema to which a document is valid if it is a query with a name."""
    word, name = text.split()[:2]
    return CheckedDocument((name,), () if word == "query" else ("is no query", "has no name"))


class Shop:
    """The use cases over one set of documents."""

    def __init__(self) -> None:
        self.transactions = FakeTransactions()
        self.progress: list[int] = []

    async def load(self, *manifests: Manifest, dry_run: bool = False) -> ImportOutcome:
        load = ImportDocuments(self.transactions, FixedClock())
        return await load(manifests, check, dry_run=dry_run, report_progress=self.progress.append)

    @property
    def texts(self) -> dict[str, str]:
        return {each.id: each.body for each in self.transactions.documents.values()}


def reasons(outcome: ImportOutcome) -> list[str]:
    return [str(fault) for fault in outcome.faults]


async def test_documents_are_stored_with_their_hash_and_their_operations() -> None:
    shop = Shop()

    outcome = await shop.load(manifest(("a", SHOP)), manifest(("b", SEARCH), file="n.json"))

    assert outcome == ImportOutcome(created=2)
    stored = shop.transactions.documents["a"]
    assert (stored.sha256, stored.operation_names, stored.imported_at) == (digest(SHOP), ("Shop",), NOON)
    assert shop.progress == [1, 2]


async def test_importing_again_changes_nothing_and_says_so() -> None:
    shop = Shop()
    await shop.load(manifest(("a", SHOP)))
    before = dict(shop.transactions.documents)

    again = await shop.load(manifest(("a", SHOP)))
    more = await shop.load(manifest(("a", SHOP), ("b", SEARCH)))

    assert (again, more) == (ImportOutcome(unchanged=1), ImportOutcome(created=1, unchanged=1))
    assert shop.transactions.documents["a"] == before["a"]


async def test_an_id_never_changes_its_text() -> None:
    shop = Shop()
    await shop.load(manifest(("a", SHOP)))

    outcome = await shop.load(manifest(("a", SEARCH), ("b", SEARCH)))

    assert reasons(outcome) == [
        "m.json: a: has another text than before: an id never changes its text, so give the new one another id"
    ]
    assert (outcome.created, outcome.unchanged) == (0, 0)
    assert shop.texts == {"a": SHOP}


async def test_one_fault_anywhere_keeps_everything_out() -> None:
    shop = Shop()
    unreadable = Manifest(faults=(ManifestEntry("n.json", "x", "").fault("has no text"),))

    outcome = await shop.load(manifest(("a", SHOP), ("b", "mutation Buy { x }")), unreadable)

    assert reasons(outcome) == ["n.json: x: has no text", "m.json: b: is no query", "m.json: b: has no name"]
    assert shop.texts == {}


async def test_files_that_disagree_on_an_id_are_refused_and_files_that_agree_are_not() -> None:
    shop = Shop()

    disagreeing = await shop.load(manifest(("a", SHOP)), manifest(("a", SEARCH), file="n.json"))
    agreeing = await shop.load(manifest(("a", SHOP)), manifest(("a", SHOP), file="n.json"))

    assert reasons(disagreeing) == ["n.json: a: has another text in m.json"]
    assert agreeing == ImportOutcome(created=1)


async def test_a_text_without_the_operation_that_its_entry_names_is_a_fault() -> None:
    shop = Shop()

    wrong = await shop.load(manifest(("a", SHOP), operation_name="Cart"))
    right = await shop.load(manifest(("a", SHOP), operation_name="Shop"))

    assert reasons(wrong) == ["m.json: a: its text has no operation Cart"]
    assert right == ImportOutcome(created=1)


async def test_a_dry_run_says_what_would_happen_and_does_nothing() -> None:
    shop = Shop()
    await shop.load(manifest(("a", SHOP)))

    new = await shop.load(manifest(("a", SHOP), ("b", SEARCH)), dry_run=True)
    changed = await shop.load(manifest(("a", SEARCH)), dry_run=True)

    assert new == ImportOutcome(created=1, unchanged=1)
    assert len(changed.faults) == 1
    assert shop.texts == {"a": SHOP}


async def test_a_large_manifest_is_stored_in_parts_of_one_transaction() -> None:
    shop = Shop()
    many = [(f"id-{number}", f"query Q{number} {{ x }}") for number in range(2 * STORED_AT_ONCE + 1)]

    first = await shop.load(manifest(*many))
    changed = await shop.load(manifest(("new", SHOP), *many[:-1], (many[-1][0], SEARCH)))

    assert first == ImportOutcome(created=len(many))
    assert len(changed.faults) == 1
    assert shop.texts == dict(many)


@pytest.mark.parametrize("count", [0, 1, PAGE_DOCUMENTS, 2 * PAGE_DOCUMENTS + 1])
async def test_all_documents_are_listed_page_by_page(count: int) -> None:
    transactions = FakeTransactions()
    transactions.documents = {f"{number:05}": trusted(f"{number:05}", SHOP) for number in range(count)}

    listed = [document.id async for document in ListDocuments(transactions)()]

    assert listed == sorted(transactions.documents)
    assert transactions.reads == count // PAGE_DOCUMENTS + 1


@pytest.mark.parametrize(("ids", "left"), [(["a"], ["b"]), (["a", "b", "a"], [])])
async def test_documents_are_removed_by_their_ids(ids: Sequence[str], left: list[str]) -> None:
    transactions = FakeTransactions()
    transactions.documents = {each: trusted(each, SHOP) for each in "ab"}

    assert await RemoveDocuments(transactions)(ids) == 2 - len(left)
    assert list(transactions.documents) == left


async def test_an_unknown_id_keeps_all_from_being_removed() -> None:
    transactions = FakeTransactions()
    transactions.documents = {"a": trusted("a", SHOP)}

    with pytest.raises(NotFound, match="the id b, c: nothing was removed"):
        await RemoveDocuments(transactions)(["c", "a", "b"])
    assert list(transactions.documents) == ["a"]
