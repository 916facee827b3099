from __future__ import annotations

import time
import tracemalloc
from collections import Counter
from hashlib import sha256
from itertools import islice

import pytest

from app.catalog.domain import ProductDraft
from app.core.money import Currency, minor_digits
from app.seed.generated import generated_drafts

USD = Currency("USD")


@pytest.fixture(scope="module")
def drafts() -> list[ProductDraft]:
    return list(generated_drafts(20_000, currency=USD))


def test_the_same_catalogue_comes_out_in_every_version() -> None:
    # Seeding a shop again after an upgrade must change nothing: whoever changes the words changes this on purpose.
    text = repr(list(generated_drafts(1_000, currency=USD)))

    assert sha256(text.encode()).hexdigest()[:16] == "b603836a90e354f8"


def test_a_smaller_catalogue_is_the_beginning_of_a_larger_one(drafts: list[ProductDraft]) -> None:
    assert list(generated_drafts(50, currency=USD)) == drafts[:50]


def test_another_seed_gives_other_products_under_the_same_keys(drafts: list[ProductDraft]) -> None:
    others = list(generated_drafts(50, currency=USD, seed=2))

    assert [other.key for other in others] == [draft.key for draft in drafts[:50]]
    assert not {other.name for other in others} & {draft.name for draft in drafts[:50]}


def test_keys_slugs_and_skus_are_all_different(drafts: list[ProductDraft]) -> None:
    skus = [variant.sku for draft in drafts for variant in draft.variants]

    assert [draft.key for draft in drafts[:2]] == ["generated-1", "generated-2"]
    assert len({draft.slug for draft in drafts}) == len(drafts)
    assert len(set(skus)) == len(skus)


def test_every_draft_is_valid_in_itself(drafts: list[ProductDraft]) -> None:
    for draft in drafts:
        assert 1 <= len(draft.variants) <= 4
        assert len({variant.selected_options for variant in draft.variants}) == len(draft.variants)
        assert len(draft.category_path) == 3
        assert len(draft.name) <= 255
        assert len(draft.slug or "") <= 128
        for variant in draft.variants:
            assert 99 <= variant.price.minor <= 10_000_000
            assert variant.compare_at is None or variant.compare_at.minor > variant.price.minor
            assert variant.on_hand >= 0


def test_slugs_are_made_of_what_a_slug_may_hold(drafts: list[ProductDraft]) -> None:
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-")

    assert all(set(draft.slug or "") <= allowed and "--" not in (draft.slug or "") for draft in drafts)


def test_the_shapes_are_those_of_a_real_catalogue(drafts: list[ProductDraft]) -> None:
    brands = Counter(draft.brand for draft in drafts)
    words = Counter(word for draft in drafts for word in draft.description.split())
    sales = sorted((draft.popularity for draft in drafts), reverse=True)

    assert len({draft.category_path[0] for draft in drafts}) == 10
    assert len({draft.category_path for draft in drafts}) > 150
    assert len(brands) > 1_800
    assert brands.most_common(1)[0][1] > 20 * sorted(brands.values())[len(brands) // 2]
    assert len(words) > 20_000
    assert sum(sales[:4_000]) > 0.7 * sum(sales)
    assert 0.02 < sum(v.on_hand == 0 for d in drafts for v in d.variants) / sum(len(d.variants) for d in drafts) < 0.12


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
def test_prices_end_in_ninety_nine_whatever_the_currency(currency: str) -> None:
    for draft in generated_drafts(100, currency=Currency(currency)):
        price = draft.variants[0].price
        assert price.currency == currency
        assert price.minor // 10 ** max(minor_digits(Currency(currency)) - 2, 0) % 100 == 99


def test_memory_does_not_grow_with_the_number_of_products() -> None:
    stream = generated_drafts(100_000_000, currency=USD)
    next(stream)
    tracemalloc.start()
    for _ in islice(stream, 2_000):
        pass
    before, _ = tracemalloc.get_traced_memory()
    for _ in islice(stream, 8_000):
        pass
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 100_000


def test_generating_is_never_what_a_large_import_waits_for() -> None:
    stream = generated_drafts(100_000, currency=USD)
    next(stream)
    started = time.process_time()

    for _ in islice(stream, 10_000):
        pass

    # A core makes about 50,000 a second; a slow one must still make far more than a database takes.
    assert 10_000 / (time.process_time() - started) > 10_000
