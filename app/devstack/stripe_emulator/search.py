"""Stripe's search of PaymentIntents: `metadata['order_id']:'7' AND status:'succeeded'`.

The surprising rule, as at Stripe: what was just written may not be found yet. A test sets how long "just" is
(`SearchIndex.lag_seconds`, 0 until then).
Source: docs.stripe.com, Search, Search query language and Data freshness.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.listing import read_limit
from app.devstack.stripe_emulator.problems import InvalidParameter
from app.devstack.stripe_emulator.records import Json, PaymentIntent
from app.devstack.stripe_emulator.render import render

_CLAUSE = re.compile(
    r"""(?P<negated>-?)(?P<field>\w+)(?:\[(?P<quote>["'])(?P<key>.+?)(?P=quote)\])?\s*"""
    r"""(?P<operator>>=|<=|[:~<>])\s*(?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']+)"""
)
_CONNECTIVE = re.compile(r"\s+(AND|OR)\s+|\s+")
_NUMBERS = ("amount", "created")
_TEXTS = ("currency", "customer", "status")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ":": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MAX_CLAUSES = 10  # Stripe's limit
_SHORTEST_SUBSTRING = 3  # Stripe's limit

Matches = Callable[[PaymentIntent], bool]


@dataclass(slots=True)
class SearchIndex:
    """Search as an operation; the index is `lag_seconds` behind."""

    lag_seconds: int = 0

    def search_payment_intents(self, call: Call) -> Json:
        """GET /v1/payment_intents/search."""
        params = call.params
        params.accept("query", "limit", "page")
        matches = parse_query(params.required_text("query"))
        indexed_until = call.changes.now - self.lag_seconds
        rows = [
            row for row in call.changes.payment_intents.newest_first() if row.created <= indexed_until and matches(row)
        ]
        start = params.integer("page", minimum=0) or 0
        end = start + read_limit(params)
        has_more = end < len(rows)
        return {
            "object": "search_result",
            "data": [render(row) for row in rows[start:end]],
            "has_more": has_more,
            "next_page": str(end) if has_more else None,
            "url": call.path,
        }


def parse_query(query: str) -> Matches:
    """What a query accepts; raises InvalidParameter where it cannot be read."""
    clauses: list[Matches] = []
    connectives: set[str] = set()
    position = 0
    while True:
        clause = _CLAUSE.match(query, position)
        if clause is None or len(clauses) == _MAX_CLAUSES:
            raise _unreadable()
        clauses.append(_read_clause(clause))
        position = clause.end()
        if position == len(query.rstrip()):
            break
        connective = _CONNECTIVE.match(query, position)
        if connective is None:
            raise _unreadable()
        connectives.add(connective[1] or "AND")
        position = connective.end()
    if len(connectives) > 1:
        raise InvalidParameter("You cannot combine AND and OR in one search query.", param="query")
    if connectives == {"OR"}:
        return lambda row: any(accepts(row) for accepts in clauses)
    return lambda row: all(accepts(row) for accepts in clauses)


def _read_clause(clause: re.Match[str]) -> Matches:
    accepts = _read_metadata(clause) if clause["field"] == "metadata" else _read_field(clause)
    if clause["negated"]:
        return lambda row: not accepts(row)
    return accepts


def _read_metadata(clause: re.Match[str]) -> Matches:
    key, value, sign = clause["key"], clause["value"], clause["operator"]
    if key is None or sign not in ":~":
        raise _unreadable()
    if value == "null":
        return lambda row: key not in row.metadata
    text = _unquote(value)
    if sign == ":":
        return lambda row: row.metadata.get(key) == text
    _check_substring(text)
    return lambda row: text.lower() in row.metadata.get(key, "").lower()


def _read_field(clause: re.Match[str]) -> Matches:
    name, value, sign = clause["field"], clause["value"], clause["operator"]
    if name in _NUMBERS and clause["key"] is None:
        if sign not in _COMPARE or not value.strip("\"'").isdigit():
            raise _unreadable()
        compare, number = _COMPARE[sign], int(value.strip("\"'"))
        return lambda row: compare(int(getattr(row, name)), number)
    if name in _TEXTS and clause["key"] is None and sign == ":":
        text = None if value == "null" else _unquote(value)
        return lambda row: getattr(row, name) == text
    raise InvalidParameter(
        f"Field `{name}` is an unsupported search field for resource `payment_intents`.", param="query"
    )


def _unquote(value: str) -> str:
    if value[0] not in "\"'":
        raise _unreadable()
    return re.sub(r"\\(.)", r"\1", value[1:-1])


def _check_substring(text: str) -> None:
    if len(text) < _SHORTEST_SUBSTRING:
        raise InvalidParameter(f"Substring search needs {_SHORTEST_SUBSTRING} characters or more.", param="query")


def _unreadable() -> InvalidParameter:
    return InvalidParameter(
        'We were unable to parse your search query. Try using the format `metadata["key"]:"value"` to query for '
        'metadata or key:"value" to query for other fields.',
        param="query",
    )
