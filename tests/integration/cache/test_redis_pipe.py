"""One connection for many tasks: with a real server, and with one that answers by a script."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hiredis import ReplyError
from redis.asyncio import Redis

from app import telemetry
from app.cache.redis_pipe import GRACE_SECONDS, PipeBroken, RedisPipe, open_pipe
from app.cache.redis_server import RedisAway, RedisServer
from tests.conftest import Servers
from tests.unit.fakes import FixedClock

PATIENCE_SECONDS = 60.0  # a busy machine must not look like a server that is away
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def pipe(servers: Servers) -> AsyncIterator[RedisPipe]:
    opened = await open_pipe(servers.valkey.url, PATIENCE_SECONDS)
    yield opened
    opened.close()


@asynccontextmanager
async def scripted(talk: Talk, security: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that talks to each connection like this."""

    async def talk_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(talk_and_close, "127.0.0.1", 0, ssl=security) as server:
        yield server.sockets[0].getsockname()[1]


async def test_each_task_gets_its_own_answer(pipe: RedisPipe) -> None:
    async def ask(number: int) -> tuple[object, object]:
        set_, get = pipe.send("SET", f"pipe:{number}", number, "EX", 60), pipe.send("GET", f"pipe:{number}")
        await asyncio.sleep(number % 3 / 1_000)
        return await set_, await get

    answers = await asyncio.gather(*map(ask, range(500)))

    assert answers == [(b"OK", b"%d" % number) for number in range(500)]


async def test_large_values_come_back_whole(pipe: RedisPipe) -> None:
    large = bytes(range(256)) * 20_000

    answers = await asyncio.gather(pipe.send("SET", "pipe:large", large, "EX", 60), pipe.send("GET", "pipe:large"))

    assert answers == [b"OK", large]


async def test_the_answer_of_a_task_that_is_gone_is_nobody_elses(pipe: RedisPipe) -> None:
    gone, stays = pipe.send("ECHO", "gone"), pipe.send("ECHO", "stays")

    gone.cancel()

    assert await stays == b"stays"


async def test_an_error_is_an_answer_and_the_connection_goes_on(pipe: RedisPipe) -> None:
    refused, after = await asyncio.gather(pipe.send("NO-SUCH-COMMAND"), pipe.send("ECHO", "after"))

    assert isinstance(refused, ReplyError)
    assert after == b"after"


async def test_what_is_asked_in_one_turn_is_one_write() -> None:
    reads: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            reads.append(data.count(b"ECHO"))
            writer.write(b"+OK\r\n" * data.count(b"ECHO"))

    async with scripted(talk) as port:
        pipe = await open_pipe(f"redis://127.0.0.1:{port}", PATIENCE_SECONDS)
        await asyncio.gather(*(pipe.send("ECHO", number) for number in range(50)))
        await pipe.send("ECHO", "alone")
        pipe.close()

    assert reads == [50, 1]


async def test_what_nobody_waits_for_goes_out_ahead_of_what_is_asked_next_or_else_soon_or_at_the_end() -> None:
    reads: list[bytes] = []
    everything = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            reads.append(data)
            writer.write(b"+OK\r\n" * data.count(b"ECHO"))
        everything.set()

    async with scripted(talk) as port:
        pipe = await open_pipe(f"redis://127.0.0.1:{port}", PATIENCE_SECONDS)
        pipe.tell("ECHO", "told")
        assert await pipe.send("ECHO", "asked") == b"OK"
        assert await pipe.tell("ECHO", "alone") == b"OK"
        pipe.tell("ECHO", "last")
        pipe.close()
        await everything.wait()

    assert [data.count(b"ECHO") for data in reads] == [2, 1, 1]
    assert reads[0].index(b"told") < reads[0].index(b"asked")


async def test_whoever_waits_when_the_server_closes_is_told_and_nobody_waits_on_a_closed_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(b"+first\r\n")

    async with scripted(talk) as port:
        pipe = await open_pipe(f"redis://127.0.0.1:{port}", PATIENCE_SECONDS)
        first, *others = (pipe.send("PING") for _ in range(3))
        outcomes = await asyncio.gather(*others, return_exceptions=True)

        assert await first == b"first"
        assert [type(each) for each in outcomes] == [PipeBroken, PipeBroken]
        assert pipe.is_broken
        with pytest.raises(PipeBroken):
            await pipe.send("PING")


@pytest.mark.parametrize("nonsense", [b"+PONG\r\n+nobody asked\r\n", b"+PONG\r\n?what\r\n"])
async def test_a_connection_that_makes_no_sense_is_given_up(nonsense: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(nonsense)
        await reader.read(65_536)

    async with scripted(talk) as port:
        pipe = await open_pipe(f"redis://127.0.0.1:{port}", PATIENCE_SECONDS)

        assert await pipe.send("PING") == b"PONG"
        with pytest.raises(PipeBroken):
            await pipe.send("PING")


async def test_no_answer_in_time_breaks_the_connection_for_all() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    async with scripted(talk) as port:
        pipe = await open_pipe(f"redis://127.0.0.1:{port}", 0.05)
        outcomes = await asyncio.gather(*(pipe.send("PING") for _ in range(3)), return_exceptions=True)

    assert [type(each) for each in outcomes] == [TimeoutError] * 3
    assert pipe.is_broken


async def test_an_answer_is_waited_for_from_the_time_that_the_command_went_out() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            await asyncio.sleep(10 * GRACE_SECONDS)
            writer.write(b"+PONG\r\n")

    async with scripted(talk) as port:
        pipe = await open_pipe(f"redis://127.0.0.1:{port}", 2.0)
        told = pipe.tell("PING")
        time.sleep(2.1)  # noqa: ASYNC251  the loop is busy before it can send

        assert await told == b"PONG"
        pipe.close()


async def test_what_is_not_sent_yet_when_the_server_closes_fails_too(servers: Servers) -> None:
    pipe = await open_pipe(servers.valkey.url, PATIENCE_SECONDS)
    told = pipe.tell("PING")
    pipe.connection_lost(None)

    with pytest.raises(PipeBroken):
        await told


async def test_a_lost_connection_is_replaced_once_for_all_who_ask(servers: Servers) -> None:
    server = RedisServer(servers.valkey.url, FixedClock(), timeout_seconds=PATIENCE_SECONDS)
    async with Redis.from_url(servers.valkey.url) as other:
        id_before = await server.ask("CLIENT", "ID")
        await other.client_kill_filter(_id=str(id_before))
        while await server.ping() is False:
            pass
        ids = await asyncio.gather(*(server.ask("CLIENT", "ID") for _ in range(20)))
    await server.close()

    assert len({*ids}) == 1
    assert ids[0] != id_before


async def test_an_asker_that_is_canceled_takes_the_connection_from_nobody(servers: Servers) -> None:
    server = RedisServer(servers.valkey.url, FixedClock(), timeout_seconds=PATIENCE_SECONDS)
    gone, stays = (asyncio.create_task(server.ask("ECHO", word)) for word in ("gone", "stays"))
    await asyncio.sleep(0)  # both wait for the connection now

    gone.cancel()

    assert await stays == b"stays"
    await server.close()


async def test_what_was_told_and_is_refused_counts_as_a_fault(servers: Servers) -> None:
    server = RedisServer(servers.valkey.url, FixedClock(), timeout_seconds=PATIENCE_SECONDS)
    nobody_is_connected = server.tell([("SET", "pipe:told", "1", "EX", 60)])
    await server.ping()
    faults = telemetry.CACHE_FAULTS._value.get()

    told = server.tell([("SET", "pipe:told", "2", "EX", 60), ("NO-SUCH-COMMAND",)])
    await server.ping()

    assert (nobody_is_connected, told) == (False, True)
    assert telemetry.CACHE_FAULTS._value.get() == faults + 1
    with pytest.raises(RedisAway):
        await server.ask("GET", "pipe:told")
    assert await server.ask("GET", "pipe:told", insist=True) == b"2"
    await server.close()


# ------------------------------------------------------------------------------------------------ addresses


async def test_the_address_says_who_asks_and_in_which_database(servers: Servers) -> None:
    async with Redis.from_url(servers.valkey.url) as admin:
        await admin.acl_setuser("shop", enabled=True, passwords=["+se cret"], categories=["+@all"], keys=["*"])
        try:
            place = servers.valkey.url.removeprefix("redis://").partition("/")[0]
            pipe = await open_pipe(f"redis://shop:se%20cret@{place}/3", PATIENCE_SECONDS)
            who, info = await asyncio.gather(pipe.send("ACL", "WHOAMI"), pipe.send("CLIENT", "INFO"))
            pipe.close()
            with pytest.raises(ReplyError, match="WRONGPASS"):
                await open_pipe(f"redis://shop:wrong@{place}/3", PATIENCE_SECONDS)
        finally:
            await admin.acl_deluser("shop")

    assert who == b"shop"
    assert isinstance(info, bytes)
    assert b" db=3 " in info


async def pong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        writer.write(b"+PONG\r\n")


async def test_a_server_behind_a_socket_of_the_file_system_is_reached(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await pong(reader, writer)
        writer.close()

    async with await asyncio.start_unix_server(talk, tmp_path / "socket"):
        pipe = await open_pipe(f"unix://{tmp_path}/socket", PATIENCE_SECONDS)

        assert await pipe.send("PING") == b"PONG"
        pipe.close()


async def test_a_server_with_a_certificate_is_reached_and_one_that_nobody_vouches_for_is_not(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    security = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    security.load_cert_chain(certificate)

    async with scripted(pong, security) as port:
        pipe = await open_pipe(f"rediss://localhost:{port}?ssl_ca_certs={certificate}", PATIENCE_SECONDS)
        assert await pipe.send("PING") == b"PONG"
        pipe.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await open_pipe(f"rediss://localhost:{port}", PATIENCE_SECONDS)


def self_signed(folder: Path) -> Path:
    """A file with a certificate of localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file
