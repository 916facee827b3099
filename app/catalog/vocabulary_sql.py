"""The statements that read a query: one for its words, one for all that is known of it, one for its rows besides."""

from __future__ import annotations

from functools import cache, lru_cache

from sqlalchemy import ARRAY, Text, TextClause, bindparam, text

from app.catalog.search import lexeme_prefix, text_config

_TEXTS = ARRAY(Text)
_GIVEN = (bindparam("words", type_=_TEXTS), bindparam("tokens", type_=_TEXTS))

_RUNS = bindparam("runs", type_=_TEXTS)

_FOUND = """
    SELECT 'pin' AS kind, product_id, '' AS words, '' AS expansion, position AS place FROM search_pin
    WHERE language = :language AND query = :plain
    UNION ALL
    SELECT 'exact', product_id, '', '', 1000 FROM variant WHERE lower(sku) = :raw AND active
    UNION ALL
    (SELECT 'exact', product_id, '', '', 1001 FROM product_search WHERE sort_name = :plain
     ORDER BY popularity DESC, product_id DESC LIMIT 20)
    UNION ALL
    SELECT 'synonym', 0, words, expansion, 2000 FROM search_synonym WHERE language = :language AND words = ANY(:runs)
"""
_WHOLE = f"""
    (SELECT jsonb_agg(jsonb_build_array(kind, product_id, words, expansion)
     ORDER BY place, product_id, words, expansion) FROM ({_FOUND}) AS found)
"""


@cache
def facts_statement(language: str, own: str) -> TextClause:
    """A JSON array of (word, own lexemes, lexemes in the language, known, name count, text count)."""
    return text(f"SELECT jsonb_agg({_FACT}) FROM ({_facts(language, own)}) AS fact").bindparams(*_GIVEN)


@cache
def look_up_statement(language: str, own: str, *, words: bool) -> TextClause:
    """JSON arrays of what a whole query has (kind, product, words, expansion), the first first; and of its words.

    words: whether any are asked about.
    """
    facts = f"(SELECT jsonb_agg({_FACT}) FROM ({_facts(language, own)}) AS fact)" if words else "CAST(NULL AS jsonb)"
    given = _GIVEN if words else ()
    return text(f"SELECT {_WHOLE}, {facts}").bindparams(*given, _RUNS)


@lru_cache(2_000)
def looked_up_beside(page: TextClause, *, by_class: bool) -> TextClause:
    """One row: what a whole query has, as `look_up_statement` gives it, and each column of the rows of a page.

    by_class: whether these say which have the words in their name. A page without rows has nothing instead of columns.
    """
    names = ("value", "product_id", *(("in_name",) if by_class else ()))
    columns = ", ".join(f"array_agg({name})" for name in names)
    statement = f"SELECT {_WHOLE}, {columns} FROM ({page.text}) AS page ({', '.join(names)})"
    return text(statement).bindparams(*page._bindparams.values(), _RUNS)  # noqa: SLF001  as in `bound`


_FACT = "jsonb_build_array(word, own, asked, known, name_count, text_count)"


def _facts(language: str, own: str) -> str:
    return f"""
        SELECT met.*, counted.*, EXISTS (
            SELECT FROM search_word WHERE search_word.word = met.word AND language IN ('{language}', '{own}')
        ) AS known
        FROM (
            SELECT word, {_lexemes(own, own)} AS own, {_lexemes(language, own)} AS asked
            FROM unnest(CAST(:words AS text[]), CAST(:tokens AS text[])) AS given (word, token) OFFSET 0
        ) AS met
        LEFT JOIN LATERAL (
            SELECT sum(name_count)::int AS name_count, sum(text_count)::int AS text_count FROM search_lexeme
            WHERE lexeme = met.own[1] OR lexeme = met.asked[1]
        ) AS counted ON true
    """


def _lexemes(language: str, own: str) -> str:
    prefix = lexeme_prefix(language, own=own)
    lexemes = f"unnest(to_tsvector('{text_config(language)}', token))"
    return f"ARRAY(SELECT '{prefix}' || lexeme FROM {lexemes} ORDER BY positions[1])"
