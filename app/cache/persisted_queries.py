"""Automatic persisted queries in Redis or Valkey: at most MAX_DOCUMENTS, those used last, each for a day after its use.

A call is one script, so a text and its place in the order of use change together. All keys share one hash tag: a
cluster keeps them on one node, which lets the script name the documents that it evicts. The time is the server's, so
the processes' clocks need not agree. While the server is away nothing is found and nothing is kept: clients then send
their texts again, as they do after an eviction. See ADR-0012.
"""

from __future__ import annotations

import hashlib

from app.cache import keys
from app.cache.redis_server import RedisAway, RedisServer, Script

MAX_DOCUMENTS = 10_000
MAX_CHARACTERS = 20_000  # of a text; what a request may send
KEPT_SECONDS = 24 * 3_600  # after its last use

# KEYS: the order of use, the document. ARGV: its hash, its text or nothing to look it up, seconds, most documents, the
# beginning of every document's key. An entry whose text has ended is among the oldest, so it leaves first.
_SCRIPT = """
local text = ARGV[2]
if text == '' then
    text = redis.call('GET', KEYS[2])
    if not text then
        redis.call('ZREM', KEYS[1], ARGV[1])
        return false
    end
    redis.call('EXPIRE', KEYS[2], ARGV[3])
else
    redis.call('SET', KEYS[2], text, 'EX', ARGV[3])
end
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], now[1] .. string.format('%06d', now[2]), ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local excess = redis.call('ZCARD', KEYS[1]) - ARGV[4]
if excess > 0 then
    local evicted = redis.call('ZPOPMIN', KEYS[1], excess)
    for place = 1, #evicted, 2 do
        redis.call('UNLINK', ARGV[5] .. evicted[place])
    end
end
return text
"""


class RedisPersistedQueries:
    """`DocumentCache` on one server. Safe for any number of tasks at once."""

    def __init__(self, server: RedisServer, *, max_documents: int = MAX_DOCUMENTS) -> None:
        self._server = server
        self._script = Script.of(_SCRIPT)
        self._max_documents = max_documents

    async def find(self, sha256: str) -> str | None:
        """The text with this hash, whose day begins anew; None where there is none or the server does not answer."""
        raw = await self._run(sha256, b"")
        if not isinstance(raw, bytes) or hashlib.sha256(raw).hexdigest() != sha256:
            return None  # what is not the text of its hash was not stored by us
        return raw.decode(errors="replace")

    async def keep(self, sha256: str, text: str) -> None:
        """Keep a text of at most MAX_CHARACTERS; the ones not used for longest make room."""
        if 0 < len(text) <= MAX_CHARACTERS:
            await self._run(sha256, text.encode(errors="replace"))

    async def _run(self, sha256: str, text: bytes) -> object:
        names = [keys.PERSISTED_QUERIES_BY_USE, keys.persisted_query(sha256)]
        values: list[str | bytes | int] = [sha256, text, KEPT_SECONDS, self._max_documents, keys.persisted_query("")]
        try:
            return await self._server.run(self._script, names, values)
        except RedisAway:
            return None
