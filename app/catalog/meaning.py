"""What a query means in the words of the index: tsqueries with synonyms, and how many products it may find. Pure.

A word is looked for in the shopper's language, or in the shop's own where a product has not been translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.catalog.query_text import QueryText, Term

MAX_SYNONYM_WORDS = 4
_LEXEME = re.compile(r"'((?:[^']|'')*)'")


@dataclass(frozen=True, slots=True)
class WordFacts:
    """What the index knows of a word.

    lexemes: for each language that is looked in the word's lexemes, none where that language does not index it. known:
    whether it is a word of a product's name. name_count, text_count: products that have it, 0 where it is rare.
    """

    lexemes: tuple[tuple[str, ...], ...]
    known: bool = False
    name_count: int = 0
    text_count: int = 0


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query as the index is asked for it.

    parts: tsqueries that a product has to meet, all of them; none where no word is left to look for. name_counts,
    text_counts: of each part, about how many products have it in their name, or anywhere; 0 where it is rare. lexemes:
    of each part, some of which every product that is found has one. without: tsqueries that it has to meet besides, as
    a word that stands anywhere in a product keeps it out. top: products to put first, whatever their popularity.
    browses: nothing was typed, so everything is found.
    """

    parts: tuple[str, ...] = ()
    name_counts: tuple[int, ...] = ()
    text_counts: tuple[int, ...] = ()
    lexemes: tuple[tuple[str, ...], ...] = ()
    without: tuple[str, ...] = ()
    top: tuple[int, ...] = ()
    browses: bool = False

    def queries(self, counts: Sequence[int]) -> tuple[str, ...]:
        """Up to two tsqueries that are all of it: the part with the lowest of these counts, and what there is besides.

        A GIN index that is asked for two at once skips in each what the other one does not have. In a single one it
        looks at each product that has the rarest word, at three times the cost.
        """
        if len(self.parts) < 2:
            return (" & ".join([*self.parts, *self.without]),) if self.parts else ()
        rarest = counts.index(min(counts))
        return self.parts[rarest], " & ".join([*self.parts[:rarest], *self.parts[rarest + 1 :], *self.without])


class _Part(NamedTuple):
    """A part of a tsquery, how many products have it, and lexemes of which each of them has one."""

    text: str
    name_count: int
    text_count: int
    lexemes: tuple[str, ...]


_NO_PART = _Part("", 0, 0, ())


Synonyms = Mapping[str, Sequence[str]]  # words -> other words for the same, each with single spaces in between


def combine(query: QueryText, facts: Mapping[str, WordFacts], synonyms: Synonyms, top: tuple[int, ...] = ()) -> Meaning:
    """The meaning of a query. facts: of every word of it and of its synonyms."""
    parts: list[_Part] = []
    place = 0
    while place < len(query.groups):
        run = _synonym_run(query.groups, place, synonyms)
        if run:
            words = [query.groups[at][0].words[0] for at in range(place, place + run)]
            options = [_all(words, facts), *(_all(other.split(), facts) for other in synonyms[" ".join(words)])]
            place += run
        else:
            options = [_term(term, facts) for term in query.groups[place]]
            place += 1
        parts.append(_any(options))
    found = [part for part in parts if part.text]
    if not found:
        return Meaning(top=top)
    without = [f"!{part.text}" for part in (_term(term, facts) for term in query.left_out) if part.text]
    return replace(_of_parts(found), without=tuple(without), top=top)


def completed(meaning: Meaning, words: Sequence[str], facts: Mapping[str, WordFacts]) -> Meaning:
    """The meaning with any of these words besides, such as the completions of one that is half typed."""
    begun = _any([_word(word, facts) for word in words])
    if not begun.text:
        return Meaning()
    last = _of_parts([begun])
    return Meaning(
        meaning.parts + last.parts,
        meaning.name_counts + last.name_counts,
        meaning.text_counts + last.text_counts,
        meaning.lexemes + last.lexemes,
        meaning.without,
    )


def lexemes_in(parts: Iterable[str]) -> list[str]:
    """The lexemes that tsqueries of ours look for."""
    found = (lexeme for part in parts for lexeme in _LEXEME.findall(part))
    return [lexeme.replace("''", "'").replace("\\\\", "\\") for lexeme in found]


def runs_of_words(query: QueryText) -> list[str]:
    """Every run of plain words that may have a synonym."""
    words = [group[0].words[0] if _is_plain(group) else None for group in query.groups]
    runs: dict[str, None] = {}
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_SYNONYM_WORDS, len(words)) + 1):
            run = words[start:end]
            if None not in run:
                runs[" ".join(filter(None, run))] = None
    return list(runs)


def _of_parts(parts: Sequence[_Part]) -> Meaning:
    return Meaning(
        tuple(part.text for part in parts),
        tuple(part.name_count for part in parts),
        tuple(part.text_count for part in parts),
        tuple(part.lexemes for part in parts),
    )


def _synonym_run(groups: Sequence[tuple[Term, ...]], place: int, synonyms: Synonyms) -> int:
    """How many words from here on have a synonym together; 0 for none. The longest run wins."""
    for length in range(min(MAX_SYNONYM_WORDS, len(groups) - place), 0, -1):
        run = groups[place : place + length]
        if all(map(_is_plain, run)) and " ".join(group[0].words[0] for group in run) in synonyms:
            return length
    return 0


def _is_plain(group: tuple[Term, ...]) -> bool:
    return len(group) == 1 and len(group[0].words) == 1


def _term(term: Term, facts: Mapping[str, WordFacts]) -> _Part:
    if term.is_phrase:
        return _phrase(term.words, facts)
    together = _all(term.words, facts)
    return _any([together, _word(term.joined, facts)]) if term.joined else together


def _word(word: str, facts: Mapping[str, WordFacts]) -> _Part:
    known = facts[word]
    firsts = tuple(dict.fromkeys(lexemes[0] for lexemes in known.lexemes if lexemes))
    options = [" & ".join(map(_quoted, lexemes)) for lexemes in known.lexemes if lexemes]
    text = " | ".join(f"({option})" if " & " in option else option for option in options)
    return _Part((f"({text})" if " " in text else text), known.name_count, known.text_count, firsts)


def _phrase(words: Sequence[str], facts: Mapping[str, WordFacts]) -> _Part:
    languages = max((len(facts[word].lexemes) for word in words), default=0)
    options = [_in_a_row([facts[word].lexemes[language] for word in words]) for language in range(languages)]
    found = [option for option in options if option]
    firsts = [
        next(filter(None, (facts[word].lexemes[language] for word in words)), ()) for language in range(languages)
    ]
    lexemes = tuple(dict.fromkeys(first[0] for first in firsts if first))
    together = _all(words, facts)
    return together._replace(text=f"({' | '.join(found)})" if found else "", lexemes=lexemes)


def _in_a_row(lexemes: Sequence[tuple[str, ...]]) -> str:
    """The lexemes one after the other; a word that is not indexed keeps its place."""
    text = ""
    gap = 1
    for word in lexemes:
        for lexeme in word:
            text += f" <{gap}> {_quoted(lexeme)}" if text else _quoted(lexeme)
            gap = 1
        gap += not word
    return f"({text})" if text else ""


def _all(words: Sequence[str], facts: Mapping[str, WordFacts]) -> _Part:
    parts = [part for part in (_word(word, facts) for word in words) if part.text]
    if not parts:
        return _NO_PART
    rarest = min(parts, key=lambda part: part.text_count)
    return _Part(_joined(" & ", parts), min(part.name_count for part in parts), rarest.text_count, rarest.lexemes)


def _any(options: Sequence[_Part]) -> _Part:
    parts = [part for part in dict.fromkeys(options) if part.text]
    return _Part(
        _joined(" | ", parts),
        sum(part.name_count for part in parts),
        sum(part.text_count for part in parts),
        tuple(dict.fromkeys(lexeme for part in parts for lexeme in part.lexemes)),
    )


def _joined(sign: str, parts: Sequence[_Part]) -> str:
    text = sign.join(part.text for part in parts)
    return f"({text})" if len(parts) > 1 else text


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
