"""What a failure of PostgreSQL, its driver or its pool means above `app.database`: an outage, or a bug of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.connectors.asyncio import AsyncAdapt_Error
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import DatabaseUnavailable

_OUTAGES = (
    OSError,
    TimeoutError,
    PoolTimeout,
    asyncpg.InterfaceError,  # the connection is closed, or just being so
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement timeout
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,  # ours are impossible by lock order; another program's are not
    asyncpg.SerializationError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that was demoted
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


@contextmanager
def translated() -> Iterator[None]:
    """A block that an outage leaves as DatabaseUnavailable; any other error passes through."""
    try:
        yield
    except (DBAPIError, AsyncAdapt_Error, *_OUTAGES) as error:
        cause = _driver_error(error)
        is_cut = isinstance(error, InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated)
        if not is_cut and (not isinstance(cause, _OUTAGES) or isinstance(cause, ValueError)):
            raise  # a ValueError is a value that the driver cannot send
        raise DatabaseUnavailable(f"the database did not answer: {type(cause).__name__}") from error


def _driver_error(error: BaseException) -> BaseException:
    """What the driver has said: its adapter's error is caused by it, and SQLAlchemy's by that one."""
    while isinstance(error, (DBAPIError, AsyncAdapt_Error)) and error.__cause__ is not None:
        error = error.__cause__
    return error
