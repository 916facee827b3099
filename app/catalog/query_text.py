"""What is typed into a search box: words that all must be there, "phrases", -words to leave out, and `or`. Pure.

Nothing is a mistake: a quote that does not close holds until the end, signs that mean nothing are skipped, and more
words than MAX_TERMS are not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.catalog.words import Word, fold, words_of

MAX_TERMS = 24  # nobody types more on purpose, and each costs a look into the index

_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))
_PIECE = re.compile(r'(?P<minus>(?<!\S)-)?(?:(?<![\w.])"(?P<phrase>[^"]*)(?:"|$)|(?P<plain>[^\s"]+(?:(?<=\d)")?)|")')


@dataclass(frozen=True, slots=True)
class Term:
    """Something that has to be there. words: more than one for a phrase, or for a compound such as `wi-fi`.

    joined: the compound in one word, None for a phrase.
    """

    words: tuple[str, ...]
    joined: str | None = None
    is_phrase: bool = False


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query in parts. groups: one term of each has to be there; left_out: none of these may be."""

    groups: tuple[tuple[Term, ...], ...] = ()
    left_out: tuple[Term, ...] = ()

    def words(self) -> list[str]:
        """Every word that is looked up, each once."""
        terms = [term for group in self.groups for term in group] + list(self.left_out)
        return list(dict.fromkeys(word for t in terms for word in (*t.words, *((t.joined,) if t.joined else ()))))


def parse(query: str) -> QueryText:
    """The parts of a query, whatever it is."""
    groups: list[list[Term]] = []
    left_out: list[Term] = []
    is_alternative = False
    for minus, phrase, text in _pieces(fold(query.translate(_QUOTES))):
        if text == "or" and groups and not minus:
            is_alternative = True
            continue
        terms = [_phrase(phrase)] if phrase is not None else _terms(text)
        for term in filter(None, terms):
            if minus:
                left_out.append(term)
            elif is_alternative:
                groups[-1].append(term)
            elif [term] not in groups:
                groups.append([term])
            is_alternative = False
    kept = groups[:MAX_TERMS]
    return QueryText(tuple(tuple(group[:MAX_TERMS]) for group in kept), tuple(left_out[:MAX_TERMS]))


def _pieces(folded: str) -> list[tuple[bool, str | None, str]]:
    """(left out, phrase, other text) in order; other text that follows other text stays together for its units."""
    pieces: list[tuple[bool, str | None, str]] = []
    for found in _PIECE.finditer(folded):
        phrase, text = found["phrase"], found["plain"] or ""
        after_text = bool(pieces) and pieces[-1][1] is None and pieces[-1][2] != "or" and not pieces[-1][0]
        if phrase is None and text != "or" and not found["minus"] and after_text:
            pieces[-1] = (False, None, f"{pieces[-1][2]} {text}")
        elif phrase is not None or text:
            pieces.append((found["minus"] is not None, phrase, text))
    return pieces


def _phrase(text: str) -> Term | None:
    words = tuple(word.text for word in words_of(text))
    return Term(words, is_phrase=len(words) > 1) if words else None


def _terms(text: str) -> list[Term]:
    terms: list[Term] = []
    compound: list[Word] = []
    for word in words_of(text):
        if compound and word.compound != compound[0].compound:
            terms.append(_compound(compound))
            compound = []
        if word.compound is None:
            terms.append(Term((word.text,)))
        else:
            compound.append(word)
    return [*terms, _compound(compound)] if compound else terms


def _compound(parts: list[Word]) -> Term:
    return Term(tuple(part.text for part in parts), joined=parts[0].joined)
