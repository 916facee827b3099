"""What a sign-in costs beside one bare Argon2id verification, and whether its time tells who is a customer.

CPU time of this process, threads included; PostgreSQL and Valkey are processes of their own. A sign-in is the whole use
case: tries noted and counted, the account found, the hash, tokens signed, the session stored, the log written.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

from argon2 import PasswordHasher
from sqlalchemy import text

from app.accounts.domain import Credentials, Origin, Registration
from app.accounts.service import AccountService
from app.bootstrap import build_shop
from app.core.errors import ClientError
from app.settings import load_settings
from app.shop import Shop
from tests.benchmarks.servers import own_servers

MOST = 1.6  # CPU of a sign-in, in bare verifications
MOST_T = 4.0  # Welch's t between known and unknown addresses: one run in 15,000 is beyond it by chance
ROUNDS = 7
SIGN_INS = 40  # a round
PAIRS = 150  # of a known and an unknown address, in turn
PASSWORD = "a-long-walk-over-the-fells"
_numbers = itertools.count(1)


def nobody_yet() -> Origin:
    """A network address that no lock counts yet."""
    number = next(_numbers)
    return Origin(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", "a benchmark")


async def cpu_of_sign_ins(shop: Shop, emails: list[str]) -> float:
    """CPU seconds of one sign-in, with as many at once as hash at once."""
    sign_in = shop.accounts.service.sign_in

    async def one(turn: int) -> None:
        for number in range(SIGN_INS // 2):
            await sign_in(Credentials(emails[(2 * number + turn) % len(emails)], PASSWORD), nobody_yet())

    began = time.process_time()
    await asyncio.gather(one(0), one(1))
    return (time.process_time() - began) / SIGN_INS


def cpu_of_verifications(hasher: PasswordHasher, stored: str) -> float:
    """CPU seconds of one verification."""
    began = time.process_time()
    for _ in range(SIGN_INS):
        hasher.verify(stored, PASSWORD)
    return (time.process_time() - began) / SIGN_INS


async def apart(
    shop: Shop, name: str, known: Callable[[], Awaitable[None]], unknown: Callable[[], Awaitable[None]]
) -> float:
    """Welch's t of the two times; prints it with their medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(PAIRS):
        if number % 20 == 0:  # as many as there are accounts: no limit is reached
            async with shop.accounts_database.write() as connection:
                await connection.execute(text("DELETE FROM accounts.email_request"))
        for call, taken in zip((known, unknown), times, strict=True):
            began = time.perf_counter()
            await call()
            taken.append((time.perf_counter() - began) * 1_000)
    medians = [statistics.median(taken) for taken in times]
    spread = sum(statistics.variance(taken) / PAIRS for taken in times) ** 0.5
    welch = (statistics.mean(times[0]) - statistics.mean(times[1])) / spread
    p95 = [statistics.quantiles(taken, n=20)[-1] for taken in times]
    print(
        f"{name}: known {medians[0]:.2f} ms (p95 {p95[0]:.2f}), unknown {medians[1]:.2f} ms (p95 {p95[1]:.2f}),"
        f" t {welch:+.2f}, at most {MOST_T:.0f} either way"
    )
    return abs(welch)


async def measure(shop: Shop) -> bool:
    """Print everything; whether all of it is within its limit."""
    emails = [f"walker-{number}@example.com" for number in range(20)]
    for email in emails:
        await shop.accounts.add_customer(email, PASSWORD, "A. Walker")
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    stored = hasher.hash(PASSWORD)
    await cpu_of_sign_ins(shop, emails)
    sign_ins, verifications = [], []
    for _ in range(ROUNDS):
        sign_ins.append(await cpu_of_sign_ins(shop, emails))
        verifications.append(cpu_of_verifications(hasher, stored))
    cost, bare = min(sign_ins), min(verifications)
    print(f"sign-ins a second and core: {1 / cost:.0f}; Argon2id's share of the CPU: {bare / cost:.0%}")
    ratio = cost / bare
    print(f"sign-in: {cost * 1_000:.2f} ms, verification: {bare * 1_000:.2f} ms, ratio {ratio:.2f}, at most {MOST}")
    apartness = [await apart(shop, *each) for each in comparisons(shop.accounts.service, emails)]
    return ratio <= MOST and max(apartness) <= MOST_T


def comparisons(
    service: AccountService, emails: list[str]
) -> list[tuple[str, Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]]:
    """What a stranger may time: each for an address with an account and for one without."""
    known, strangers = itertools.cycle(emails), itertools.count(1)

    async def refused(email: str) -> None:
        try:
            await service.sign_in(Credentials(email, "wrong"), nobody_yet())
        except ClientError:
            return

    async def register(email: str) -> None:
        await service.register(Registration(email, PASSWORD, None, "en"), nobody_yet())

    async def reset(email: str) -> None:
        await service.request_reset(email, "en", nobody_yet())

    def of(call: Callable[[str], Awaitable[None]], email: Callable[[], str]) -> Callable[[], Awaitable[None]]:
        return lambda: call(email())

    def somebody() -> str:
        return next(known)

    def nobody() -> str:
        return f"nobody-{next(strangers) % len(emails)}@example.com"  # as many, so that limits count alike

    return [
        (name, of(call, somebody), of(call, nobody))
        for name, call in (("refused sign-in", refused), ("registration", register), ("reset", reset))
    ]


async def run(environment: dict[str, str]) -> bool:
    """A shop on these servers, measured."""
    shop = build_shop(load_settings(environment), redis_timeout_seconds=60)
    try:
        await shop.migrate()
        return await measure(shop)
    finally:
        await shop.close()


def main() -> int:
    """Print the figures; 1 where one is above its limit."""
    with own_servers(durable=False) as (database_url, redis_url):
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_API_KEY": "sk_test_nobody",
        }
        return 0 if asyncio.run(run(environment)) else 1


if __name__ == "__main__":
    sys.exit(main())
