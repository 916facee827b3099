"""What the index knows of words: their lexemes, how frequent they are, what they may be completed or corrected to."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from sqlalchemy import ARRAY, Text, TextClause, bindparam, text

from app.catalog import corrections
from app.catalog.meaning import Meaning, WordFacts, combine, completed, lexemes_in, runs_of_words
from app.catalog.query_text import QueryText, Term, parse
from app.catalog.vocabulary_sql import facts_statement, look_up_statement
from app.catalog.words import as_token, plain
from app.core.clock import Clock
from app.core.languages import LANGUAGES
from app.database.engine import Database

MAX_COMPLETIONS = 40
_KEPT_SECONDS = 1.0
_KEPT_READINGS = 1_000
_KNOWN_SECONDS = 600.0  # their counts change every hour; that they are words of names does not change at all
_KNOWN_WORDS = 20_000
_STOP_WORDS = {"fr": ("les",)}  # which PostgreSQL's list has forgotten
_TEXTS = ARRAY(Text)

_CANDIDATES = text("""
    SELECT word, max(product_count) AS product_count FROM search_word
    WHERE language = ANY(:languages) AND (deletions && :deletions OR word = ANY(:words)) GROUP BY word
""").bindparams(
    bindparam("languages", type_=_TEXTS), bindparam("deletions", type_=_TEXTS), bindparam("words", type_=_TEXTS)
)
_COMPLETIONS = text("""
    SELECT word FROM (
        SELECT word, max(product_count) AS product_count FROM search_word
        WHERE language = ANY(:languages) AND word >= :begin AND word < :beyond GROUP BY word
    ) AS begun ORDER BY product_count DESC, word LIMIT :limit
""").bindparams(bindparam("languages", type_=_TEXTS))


@dataclass(frozen=True, slots=True)
class Reading:
    """A query, and what it means."""

    text: QueryText
    facts: Mapping[str, WordFacts]
    meaning: Meaning

    def unknown_words(self) -> list[str]:
        """The plain words that are in no product's name."""
        words = [_single(group) for group in self.text.groups]
        return [word for word in words if word and not self.facts[word].known]


@dataclass(frozen=True, slots=True)
class Guess:
    """How a query reads if nothing else is found for it. values: of `looked_up_beside`; begun: when it was made."""

    query: str
    language: str
    reading: Reading
    values: Mapping[str, object]
    begun: float


class Vocabulary:
    """Reads queries. language: the shop's own.

    What is known of words that names have is kept for ten minutes; what else a query finds is asked for each time. A
    reading is kept for a second besides: count and facets use that of the page beside them.
    """

    def __init__(self, database: Database, clock: Clock, *, language: str) -> None:
        self._database = database
        self._clock = clock
        self._own = language
        self._kept: dict[tuple[str, str], tuple[float, Reading]] = {}
        self._known: dict[tuple[str, str], tuple[float, WordFacts]] = {}

    def language(self, asked: str | None) -> str:
        """The language to search in: what is asked for, if it is one that can be searched."""
        return asked if asked in LANGUAGES else self._own

    async def read(self, query: str, language: str) -> Reading:
        """What a query means now. One statement where every word is known, more where not, none without words.

        A last word that is in no name may be half typed: what it may become is looked for besides.
        """
        begun = self._clock.monotonic()
        return self._keep(query, language, await self._read(query, language), begun)

    async def read_again(self, query: str, language: str) -> Reading:
        """What a query means, or has meant a second ago at the most: for what stands beside a page that has read it."""
        kept = self._kept.get((query, language))
        if kept is not None and self._clock.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        return await self.read(query, language)

    def guess(self, query: str, language: str) -> Guess | None:
        """How a query reads as far as is known here; None where a word has to be asked for."""
        parsed = parse(query)
        facts = self._known_facts(parsed.words(), language)
        meaning = combine(parsed, facts, {}) if all(word in facts for word in parsed.words()) else None
        if meaning is None or not meaning.parts:
            return None
        values, now = _looked_for(query, parsed, language), self._clock.monotonic()
        return Guess(query, language, Reading(parsed, facts, meaning), values, now)

    async def settle(self, guess: Guess, found: Sequence[Any]) -> Reading:
        """How a query reads after all. found: what has been found for it, nothing if the guess was right."""
        guessed, language = guess.reading, guess.language
        reading = await self._with(found, guessed.text, dict(guessed.facts), language) if found else guessed
        return self._keep(guess.query, language, reading, guess.begun)

    def _keep(self, query: str, language: str, reading: Reading, begun: float) -> Reading:
        """Keep a reading, unless one that was begun later is kept."""
        if len(self._kept) >= _KEPT_READINGS:
            self._kept.clear()
        kept = self._kept.get((query, language))
        if kept is None or kept[0] <= begun:
            self._kept[query, language] = begun, reading
        return reading

    async def _read(self, query: str, language: str) -> Reading:
        parsed = parse(query)
        if not parsed.groups:
            return Reading(parsed, {}, Meaning(browses=not query.strip()))
        facts = self._known_facts(parsed.words(), language)
        asked = [word for word in parsed.words() if word not in facts]
        values = _looked_for(query, parsed, language)
        if asked:
            values |= {"words": asked, "tokens": list(map(as_token, asked))}
        ((found, met),) = await self._rows(look_up_statement(language, self._own, words=bool(asked)), **values)
        facts |= self._facts(met or (), language)
        reading = await self._with(found or (), parsed, facts, language)
        begin = last_word(parsed)
        if begin is None or reading.meaning.top or facts[begin].known or not any(facts[begin].lexemes):
            return reading
        return replace(reading, meaning=await self.complete(reading, language) or reading.meaning)

    async def _with(
        self, found: Sequence[Any], parsed: QueryText, facts: dict[str, WordFacts], language: str
    ) -> Reading:
        """The reading of a query with its synonyms, and with the products that it puts first."""
        synonyms: dict[str, list[str]] = {}
        top: dict[int, None] = {}
        for kind, product_id, run, expansion in found:
            if kind == "synonym":
                synonyms.setdefault(run, []).append(expansion)
            else:
                top[product_id] = None
        others = " ".join(word for each in synonyms.values() for word in each).split()
        facts |= await self.facts([word for word in others if word not in facts], language)
        return Reading(parsed, facts, combine(parsed, facts, synonyms, tuple(top)))

    async def facts(self, words: Sequence[str], language: str) -> dict[str, WordFacts]:
        """What the index knows of these words."""
        facts = self._known_facts(words, language)
        distinct = [word for word in dict.fromkeys(words) if word not in facts]
        if distinct:
            statement = facts_statement(language, self._own)
            ((met,),) = await self._rows(statement, words=distinct, tokens=list(map(as_token, distinct)))
            facts |= self._facts(met, language)
        return facts

    def _known_facts(self, words: Sequence[str], language: str) -> dict[str, WordFacts]:
        """What has been asked of words of names, and of words that are never indexed, before."""
        begin = self._clock.monotonic() - _KNOWN_SECONDS
        kept = ((word, self._known.get((word, language))) for word in words)
        return {word: each[1] for word, each in kept if each is not None and each[0] > begin}

    def _facts(self, rows: Sequence[Any], language: str) -> dict[str, WordFacts]:
        facts = {}
        for word, own, asked, known, name_count, text_count in rows:
            ways: tuple[tuple[str, ...], ...] = (tuple(own),) if language == self._own else (tuple(asked), tuple(own))
            if not ways[0] or word in _STOP_WORDS.get(language, ()):
                ways = ((),) * len(ways)  # a word like `the` in the shopper's language
            facts[word] = WordFacts(ways, known, name_count or 0, text_count or 0)
        if len(self._known) >= _KNOWN_WORDS:
            self._known.clear()
        now = self._clock.monotonic()
        self._known |= {(word, language): (now, fact) for word, fact in facts.items() if _is_lasting(fact)}
        return facts

    async def complete(self, reading: Reading, language: str, *, half_typed: bool = False) -> Meaning | None:
        """The query with its last word as the beginning of one; None where that is no word or begins none.

        half_typed: whether a word like `in`, which is never indexed, may be the beginning of another one.
        """
        begin = last_word(reading.text)
        if begin is None:
            return None
        is_stop_word = not any(reading.facts[begin].lexemes)
        if is_stop_word and (not half_typed or (len(reading.text.groups) > 1 and not reading.meaning.parts)):
            return None
        words = await self.completions(begin, language)
        if not words:
            return None
        facts = {**reading.facts, **await self.facts(words, language)}
        before = QueryText(reading.text.groups[:-1], reading.text.left_out)
        typed = [begin] if any(reading.facts[begin].lexemes) else []
        return completed(combine(before, reading.facts, {}), [*typed, *words], facts)

    async def completions(self, begin: str, language: str) -> list[str]:
        """Words of names that begin so, the most frequent first, at most MAX_COMPLETIONS."""
        beyond = begin[:-1] + chr(min(ord(begin[-1]) + 1, 0x10FFFF))
        if "\ud800" <= beyond[-1] <= "\udfff":
            beyond = begin[:-1] + "\ue000"
        rows = await self._rows(
            _COMPLETIONS, languages=self._both(language), begin=begin, beyond=beyond, limit=MAX_COMPLETIONS
        )
        return [row["word"] for row in rows]

    async def correct(self, reading: Reading, language: str) -> str | None:
        """The query with words that no name has changed into ones that are near; None where there is nothing near."""
        unknown = reading.unknown_words()
        if not unknown:
            return None
        words = [_single(group) for group in reading.text.groups]
        joins = [one + other for one, other in pairwise(words) if one and other]
        halves = [part for word in unknown for split in corrections.splits(word) for part in split]
        rows = await self._rows(
            _CANDIDATES,
            languages=self._both(language),
            deletions=sorted({part for word in unknown for part in corrections.deletions(word)}),
            words=list(dict.fromkeys([*joins, *halves, *unknown])),
        )
        known = [corrections.KnownWord(*row) for row in rows]
        new = {each.word for each in known}.intersection(unknown)  # has come since the query was read
        return _corrected(reading, words, known, new)

    async def matching(self, words: Sequence[str], meaning: Meaning, language: str) -> frozenset[str]:
        """Which of these words a meaning is about, in whatever form."""
        wanted = set(lexemes_in(meaning.parts))
        facts = await self.facts(words, language) if wanted else {}
        return frozenset(
            word for word, known in facts.items() if any(wanted.intersection(lexemes) for lexemes in known.lexemes)
        )

    def _both(self, language: str) -> list[str]:
        return sorted({language, self._own})

    async def _rows(self, statement: TextClause, **values: object) -> Sequence[Any]:
        return await self._database.fetch_nearest(statement, values)


def _looked_for(query: str, parsed: QueryText, language: str) -> dict[str, object]:
    runs = runs_of_words(parsed)
    return {"language": language, "plain": plain(query), "raw": query.strip().lower(), "runs": runs}


def _is_lasting(fact: WordFacts) -> bool:
    return fact.known or not any(fact.lexemes)


def last_word(text: QueryText) -> str | None:
    """The last word, where it may be half typed."""
    word = _single(text.groups[-1]) if text.groups else None
    return word if word is not None and len(word) > 1 else None


def _single(group: tuple[Term, ...]) -> str | None:
    return group[0].words[0] if len(group) == 1 and len(group[0].words) == 1 else None


def _corrected(
    reading: Reading, words: Sequence[str | None], known: Sequence[corrections.KnownWord], new: Container[str]
) -> str | None:
    counts = {each.word: each.product_count for each in known}
    parts: list[str] = []
    changed = False
    place = 0
    while place < len(words):
        word, following = words[place], words[place + 1] if place + 1 < len(words) else None
        is_unknown = word is not None and not reading.facts[word].known and word not in new
        if word and following and word + following in counts and (is_unknown or not reading.facts[following].known):
            parts.append(word + following)
            changed, place = True, place + 2
            continue
        better = _better(word, known, counts) if word and is_unknown else None
        parts.append(better or _written(reading.text.groups[place]))
        changed, place = changed or better is not None, place + 1
    left_out = [f"-{_written((term,))}" for term in reading.text.left_out]
    return " ".join([*parts, *left_out]) if changed else None


def _better(word: str, known: Sequence[corrections.KnownWord], counts: Mapping[str, int]) -> str | None:
    near = corrections.best_correction(word, known)
    if near is not None:
        return near.word
    pairs = [pair for pair in corrections.splits(word) if all(part in counts for part in pair)]
    best = max(pairs, key=lambda pair: min(counts[part] for part in pair), default=None)
    return " ".join(best) if best else None


def _written(group: tuple[Term, ...]) -> str:
    texts = [f'"{" ".join(t.words)}"' if t.is_phrase else "-".join(t.words) for t in group]
    return " or ".join(texts)
