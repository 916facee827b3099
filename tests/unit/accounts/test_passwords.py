from __future__ import annotations

import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from app.accounts.passwords import AT_ONCE, WAITING, Argon2Passwords
from app.core.errors import AccountsBusy
from tests.waiting import until


async def test_a_password_fits_its_own_hash_only() -> None:
    passwords = Argon2Passwords()

    stored = await passwords.hash("correct horse")

    assert await passwords.matches(stored, "correct horse") is True
    assert await passwords.matches(stored, "Correct horse") is False
    assert await passwords.matches(stored, "") is False
    assert "correct horse" not in stored
    assert await passwords.hash("correct horse") != stored


async def test_hashes_are_made_as_owasp_asks() -> None:
    stored = await Argon2Passwords().hash("correct horse")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_nobody_has_a_password() -> None:
    passwords = Argon2Passwords()

    assert await passwords.matches(None, "the password of nobody") is False
    assert await passwords.matches(None, "") is False


@pytest.mark.parametrize(
    "stored", ["garbage", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$", "$2b$12$abcdefghijklmnopqrstuv"]
)
async def test_a_hash_that_cannot_be_read_fits_nothing(stored: str) -> None:
    assert await Argon2Passwords().matches(stored, "correct horse") is False


class CountingHasher:
    """Remembers which hashes it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def verify(self, password_hash: str, password: str) -> bool:
        self.asked.append(password_hash)
        return PasswordHasher().verify(password_hash, password)


async def test_an_unknown_customer_costs_the_work_of_a_known_one() -> None:
    passwords = Argon2Passwords()
    stored = await passwords.hash("correct horse")
    passwords._hasher = counting = CountingHasher()

    await passwords.matches(stored, "wrong")
    await passwords.matches(None, "wrong")

    known, unknown = counting.asked
    assert known == stored
    assert unknown.rsplit("$", 2)[0] == known.rsplit("$", 2)[0]  # the same memory, passes and lanes


class Gate:
    """A hasher whose hashes end when the gate is opened. most: how many ran at once."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.lock = threading.Lock()
        self.running = self.most = 0
        self.threads: set[int] = set()

    def hash(self, _: str) -> str:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.get_ident())
        self.opened.wait()
        with self.lock:
            self.running -= 1
        return "hash"


async def test_two_passwords_are_hashed_at_a_time_and_off_the_event_loop() -> None:
    passwords = Argon2Passwords()
    passwords._hasher = gate = Gate()
    work = [asyncio.create_task(passwords.hash("a")) for _ in range(6)]
    await until(lambda: gate.running == AT_ONCE)

    gate.opened.set()
    await asyncio.gather(*work)

    assert gate.most == 2
    assert threading.get_ident() not in gate.threads


async def test_who_finds_too_many_waiting_is_turned_away_at_once() -> None:
    passwords = Argon2Passwords()
    passwords._hasher = gate = Gate()
    work = [asyncio.create_task(passwords.hash("a")) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(AccountsBusy) as refusal:
        await passwords.hash("a")

    assert refusal.value.retry_after_seconds == 1
    gate.opened.set()
    assert await asyncio.gather(*work) == ["hash"] * len(work)
    assert await passwords.hash("a") == "hash"  # there is room again


async def test_a_hash_of_less_work_is_outdated() -> None:
    weak = await Argon2Passwords(time_cost=1, memory_kib=8 * 1024).hash("correct horse")
    passwords = Argon2Passwords()

    assert passwords.is_outdated(weak) is True
    assert passwords.is_outdated(await passwords.hash("correct horse")) is False
    assert await passwords.matches(weak, "correct horse") is True
