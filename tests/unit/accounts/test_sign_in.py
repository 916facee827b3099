from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.accounts.domain import Customer, StoredPassword
from app.accounts.sign_in import MAX_PASSWORD_LENGTH, AddCustomer, FindCustomer, SignIn
from app.core.errors import ErrorCode, Unauthenticated
from app.core.ids import CustomerId
from tests.unit.fakes import NOON, CountingIds, FixedClock

ADA = Customer(CustomerId(UUID(int=1)), "ada@example.com", "Ada", NOON)
MESSAGE = "The e-mail address or the password is wrong."


class MemoryAccounts:
    """`AccountStore`."""

    def __init__(self, rows: dict[str, StoredPassword]) -> None:
        self._rows = rows

    async def find_by_email(self, email: str) -> StoredPassword | None:
        return self._rows.get(email)

    async def find(self, customer_id: CustomerId) -> Customer | None:
        return next((row.customer for row in self._rows.values() if row.customer.id == customer_id), None)

    async def insert(self, customer: Customer, password_hash: str) -> bool:
        if customer.email in self._rows:
            return False
        self._rows[customer.email] = StoredPassword(customer, password_hash)
        return True


class MemoryAccountTransaction:
    """What accounts need of a transaction."""

    def __init__(self, rows: dict[str, StoredPassword]) -> None:
        self.accounts = MemoryAccounts(rows)


class MemoryAccountTransactions:
    """Opens transactions. open_now: how many are under way."""

    def __init__(self) -> None:
        self.rows: dict[str, StoredPassword] = {}
        self.open_now = 0

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[MemoryAccountTransaction]:
        rows = dict(self.rows)
        self.open_now += 1
        try:
            yield MemoryAccountTransaction(rows)
            self.rows = rows
        finally:
            self.open_now -= 1

    @asynccontextmanager
    async def read(self) -> AsyncIterator[MemoryAccountTransaction]:
        self.open_now += 1
        try:
            yield MemoryAccountTransaction(dict(self.rows))
        finally:
            self.open_now -= 1


class PlainPasswords:
    """`Passwords` without the work. verified: every hash and password that it was asked about."""

    def __init__(self, transactions: MemoryAccountTransactions) -> None:
        self._transactions = transactions
        self.verified: list[tuple[str | None, str]] = []

    async def hash(self, password: str) -> str:
        assert self._transactions.open_now == 0, "no transaction waits for a hash"
        return f"hash of {password}"

    async def matches(self, password_hash: str | None, password: str) -> bool:
        assert self._transactions.open_now == 0, "no transaction waits for a hash"
        self.verified.append((password_hash, password))
        return password_hash == f"hash of {password}"


class PlainTokens:
    """`AccessTokens` without signatures. issued: to whom."""

    def __init__(self) -> None:
        self.issued: list[CustomerId] = []

    def issue(self, customer_id: CustomerId) -> tuple[str, datetime]:
        self.issued.append(customer_id)
        return f"token {len(self.issued)}", NOON + timedelta(minutes=10)

    def verify(self, token: str) -> CustomerId:
        raise NotImplementedError


class Accounts:
    """One customer, Ada, whose password is `correct horse`."""

    def __init__(self) -> None:
        self.transactions = MemoryAccountTransactions()
        self.transactions.rows[ADA.email] = StoredPassword(ADA, "hash of correct horse")
        self.passwords = PlainPasswords(self.transactions)
        self.tokens = PlainTokens()
        self.sign_in = SignIn(self.transactions, self.passwords, self.tokens)
        self.add_customer = AddCustomer(self.transactions, self.passwords, FixedClock(), CountingIds())

    async def refusal(self, email: str, password: str) -> tuple[str, ErrorCode]:
        with pytest.raises(Unauthenticated) as refusal:
            await self.sign_in(email, password)
        assert self.tokens.issued == []
        return refusal.value.message, refusal.value.code


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@Example.com", "  ada@example.com\n"])
async def test_the_right_password_is_exchanged_for_a_token(accounts: Accounts, email: str) -> None:
    signed_in = await accounts.sign_in(email, "correct horse")

    assert (signed_in.customer, signed_in.token) == (ADA, "token 1")
    assert signed_in.expires_at == NOON + timedelta(minutes=10)
    assert accounts.tokens.issued == [ADA.id]


@pytest.mark.parametrize(
    ("email", "password", "verified"),
    [
        pytest.param("ada@example.com", "wrong", ("hash of correct horse", "wrong"), id="wrong password"),
        pytest.param("ada@example.com", "", ("hash of correct horse", ""), id="no password"),
        pytest.param("ada@example.com", " correct horse ", ("hash of correct horse", " correct horse "), id="blanks"),
        pytest.param("eve@example.com", "correct horse", (None, "correct horse"), id="unknown address"),
        pytest.param("", "correct horse", (None, "correct horse"), id="no address"),
        pytest.param("ada@example.com", "x" * (MAX_PASSWORD_LENGTH + 1), (None, ""), id="too long a password"),
        pytest.param("eve@example.com", "x" * (MAX_PASSWORD_LENGTH + 1), (None, ""), id="both"),
    ],
)
async def test_every_refusal_reads_the_same_and_does_the_same_work(
    accounts: Accounts, email: str, password: str, verified: tuple[str | None, str]
) -> None:
    assert await accounts.refusal(email, password) == (MESSAGE, ErrorCode.CREDENTIALS_INVALID)

    assert accounts.passwords.verified == [verified]


async def test_an_unknown_customer_is_refused_even_if_the_hash_of_nobody_fits(accounts: Accounts) -> None:
    async def always(_: str | None, __: str) -> bool:
        return True

    accounts.passwords.matches = always

    assert await accounts.refusal("eve@example.com", "anything") == (MESSAGE, ErrorCode.CREDENTIALS_INVALID)


async def test_a_password_may_be_as_long_as_a_password_may_be(accounts: Accounts) -> None:
    longest = "x" * MAX_PASSWORD_LENGTH
    await accounts.add_customer("eve@example.com", longest, "Eve")

    assert (await accounts.sign_in("eve@example.com", longest)).customer.email == "eve@example.com"
    assert MAX_PASSWORD_LENGTH == 1_024


async def test_a_customer_is_stored_with_a_hash_under_the_folded_address(accounts: Accounts) -> None:
    assert await accounts.add_customer("Eve@Example.com", "battery staple", "Eve") is True

    stored = accounts.transactions.rows["eve@example.com"]
    assert stored == StoredPassword(
        Customer(CustomerId(UUID(int=1)), "eve@example.com", "Eve", NOON), "hash of battery staple"
    )


async def test_an_address_that_is_taken_changes_nothing(accounts: Accounts) -> None:
    before = dict(accounts.transactions.rows)

    assert await accounts.add_customer("ADA@example.com", "battery staple", "Impostor") is False

    assert accounts.transactions.rows == before
    assert (await accounts.sign_in("ada@example.com", "correct horse")).customer == ADA


async def test_a_customer_is_found_by_id_and_an_account_that_is_gone_is_none(accounts: Accounts) -> None:
    find = FindCustomer(accounts.transactions)

    assert await find(ADA.id) == ADA
    assert await find(CustomerId(UUID(int=404))) is None


async def test_a_renamed_customer_signs_in_as_who_they_are_now(accounts: Accounts) -> None:
    renamed = replace(ADA, name="Ada Lovelace")
    accounts.transactions.rows[ADA.email] = StoredPassword(renamed, "hash of correct horse")

    assert (await accounts.sign_in("ada@example.com", "correct horse")).customer.name == "Ada Lovelace"
