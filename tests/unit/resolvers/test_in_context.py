"""The language of a shopper: as amounts are written in, and as texts are looked up by."""

from __future__ import annotations

import pytest

from app.core.languages import LANGUAGES
from app.core.money import Currency
from resolvers.markets import Markets


def markets(language: str) -> Markets:
    return Markets((Currency("USD"),), {}, language)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_shop_may_have_every_language_that_can_be_searched(language: str) -> None:
    assert markets(language).shopper(None, None, None).text_language == language


@pytest.mark.parametrize(
    ("asked", "locale", "texts"),
    [("de-AT", "de_AT", "de"), ("zh-Hant-TW", "zh_Hant_TW", "zh"), ("nb", "nb", "no"), ("nn-NO", "nn_NO", "no")],
)
def test_amounts_know_the_country_and_texts_the_language_alone(asked: str, locale: str, texts: str) -> None:
    shopper = markets("en").shopper(None, asked, None)

    assert (shopper.locale, shopper.text_language) == (locale, texts)
