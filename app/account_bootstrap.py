"""The part of the composition root about accounts: in this process, or in one of their own. See ADR-0031.

settings -> no CARTOGRAPH_ACCOUNTS_URL: use cases on the database of accounts, keys with their private parts
         -> CARTOGRAPH_ACCOUNTS_URL:    an HTTP client, public keys only
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from app.account_transactions import AccountTransactions
from app.accounts.access_tokens import JwtAccessTokens, JwtVerifier
from app.accounts.add_customer import AddCustomer
from app.accounts.answer_requests import AnswerRequests
from app.accounts.audit import Chain
from app.accounts.change_password import ChangePassword, NewPasswords, ResetPassword
from app.accounts.delete_account import DeleteAccount, ListDeleted
from app.accounts.edit_addresses import CreateAddress, DeleteAddress, ListAddresses, UpdateAddress
from app.accounts.end_sessions import EndSession, ForgetAccountTraces, ListSessions, SignOut
from app.accounts.ended_sessions import EndedSessions, StoredEnds
from app.accounts.key_desk import KeyDesk
from app.accounts.password_check import PasswordCheck
from app.accounts.passwords import Argon2Passwords
from app.accounts.refresh_session import RefreshSession
from app.accounts.refresh_tokens import RefreshTokens
from app.accounts.register import Register, RequestReset
from app.accounts.remote import RemoteAccounts
from app.accounts.sealing import Sealer
from app.accounts.secret_ports import EndedSource
from app.accounts.service import AccountService, FindCustomer, LocalAccounts
from app.accounts.session_desk import SessionDesk
from app.accounts.sign_in import SignIn
from app.accounts.signing_keys import KeyRing
from app.accounts.staff import CreateStaff, DisableStaff, ListStaff
from app.accounts.totp import TotpCodes
from app.accounts.update_customer import UpdateCustomer
from app.accounts.verify_audit import VerifyAudit
from app.accounts.verify_email import VerifyEmail
from app.core.changes import Change, ChangeFeed
from app.core.clock import Clock
from app.core.ids import IdSource, RandomSecrets
from app.database.engine import Database
from app.mail.storefront import Storefront
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Accounts:
    """Wired accounts. service: wherever they are; all else needs their database.

    Everything that needs a secret is made from the shop's, each with a purpose of its own.
    """

    service: AccountService
    verifier: JwtVerifier
    keys: KeyRing
    key_desk: KeyDesk
    ended: EndedSessions
    ended_source: EndedSource
    tokens: JwtAccessTokens
    passwords: Argon2Passwords
    transactions: AccountTransactions
    add_customer: AddCustomer
    answer_requests: AnswerRequests
    forget_traces: ForgetAccountTraces
    create_staff: CreateStaff
    disable_staff: DisableStaff
    list_staff: ListStaff
    verify_audit: VerifyAudit
    close: Callable[[], Awaitable[None]]


def account_database(settings: Settings, shops: Database, *, statement_timeout_seconds: int) -> Database:
    """The database of accounts: the shop's, where it has none of its own."""
    url = settings.accounts_database_url
    if url is None or url == settings.database_url:
        return shops
    return Database.connect(
        url.get_secret_value(),
        pool_size=settings.database_pool_size,
        statement_timeout_seconds=statement_timeout_seconds,
    )


def build_accounts(settings: Settings, database: Database, feed: ChangeFeed, clock: Clock, ids: IdSource) -> Accounts:
    """Accounts for these settings, on their database."""
    secret, secrets = settings.secret_key.get_secret_value().encode(), RandomSecrets()
    chain, sealer = Chain.of(secret), Sealer(secret, secrets)
    hear: list[Callable[[Iterable[Change]], None]] = []

    def announce(changes: Iterable[Change]) -> None:
        for listener in hear:
            listener(changes)
        feed.announce(changes)

    transactions = AccountTransactions(database, chain, announce)
    key_desk = KeyDesk(transactions, sealer, clock)
    tokens = JwtAccessTokens(key_desk, clock, ids)
    passwords = Argon2Passwords()
    second_factor = TotpCodes(sealer, secrets, issuer=settings.shop_name)
    local = _local_accounts(settings, transactions, tokens, passwords, second_factor, clock, ids)
    remote = RemoteAccounts.connect(settings.accounts_url) if settings.accounts_url else None
    keys = KeyRing(remote.read_keys if remote else key_desk.read, clock)
    ended_source: EndedSource = remote or StoredEnds(transactions)
    ended = EndedSessions(ended_source, feed, clock)
    hear.append(ended.hear)

    async def close() -> None:
        await ended.close()
        if remote is not None:
            await remote.close()

    return Accounts(
        service=remote or local,
        verifier=JwtVerifier(keys, ended, clock),
        keys=keys,
        key_desk=key_desk,
        ended=ended,
        ended_source=ended_source,
        tokens=tokens,
        passwords=passwords,
        transactions=transactions,
        add_customer=AddCustomer(transactions, passwords, clock, ids),
        answer_requests=AnswerRequests(transactions, _storefront(settings), secrets, clock),
        forget_traces=ForgetAccountTraces(transactions, clock),
        create_staff=CreateStaff(transactions, passwords, second_factor, clock, ids),
        disable_staff=DisableStaff(transactions, clock),
        list_staff=ListStaff(transactions),
        verify_audit=VerifyAudit(transactions, chain),
        close=close,
    )


def _local_accounts(
    settings: Settings,
    transactions: AccountTransactions,
    tokens: JwtAccessTokens,
    passwords: Argon2Passwords,
    second_factor: TotpCodes,
    clock: Clock,
    ids: IdSource,
) -> LocalAccounts:
    secret = settings.secret_key.get_secret_value().encode()
    desk = SessionDesk(transactions, tokens, RefreshTokens(secret, RandomSecrets()), clock, ids)
    check = PasswordCheck(transactions, passwords, clock)
    new = NewPasswords(desk, check, _storefront(settings))
    return LocalAccounts(
        register=Register(transactions, passwords, clock, ids),
        verify_email=VerifyEmail(transactions, clock, ids),
        sign_in=SignIn(desk, check, second_factor),
        refresh=RefreshSession(desk),
        sign_out=SignOut(transactions, clock),
        request_reset=RequestReset(transactions, clock, ids),
        reset_password=ResetPassword(new),
        change_password=ChangePassword(new),
        find_customer=FindCustomer(transactions),
        sessions=ListSessions(transactions, clock),
        end_session=EndSession(transactions, clock),
        update_customer=UpdateCustomer(transactions, clock),
        addresses=ListAddresses(transactions),
        create_address=CreateAddress(transactions, clock, ids),
        update_address=UpdateAddress(transactions, clock),
        delete_address=DeleteAddress(transactions, clock),
        delete_account=DeleteAccount(check),
        deleted_since=ListDeleted(transactions),
    )


def _storefront(settings: Settings) -> Storefront:
    return Storefront(settings.shop_url)
