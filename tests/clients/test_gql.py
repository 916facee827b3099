"""Python's `gql` on a server: it reads the schema from it, checks documents against that, and buys something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from graphql import GraphQLError, OperationType, get_operation_ast

from tests.examples import DOCUMENTS, remember, variables_of
from tests.serving import ServerProcess


@pytest.fixture
async def session(open_server: ServerProcess) -> AsyncIterator[AsyncClientSession]:
    transport = HTTPXAsyncTransport(f"{open_server.url}/graphql", trust_env=False)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        yield session


async def test_the_examples_lead_from_a_search_to_a_paid_order(session: AsyncClientSession) -> None:
    memory: dict[str, str] = {}
    outcomes: dict[str, dict[str, Any]] = {}

    for path in DOCUMENTS:
        request = gql(path.read_text())
        operation = get_operation_ast(request.document)
        assert operation is not None
        if operation.operation is OperationType.SUBSCRIPTION:
            continue  # its transport over HTTP has no streams
        request.variable_values = variables_of(path, memory)
        outcomes[path.stem] = await session.execute(request)
        remember(outcomes[path.stem], memory)

    assert outcomes["07-pay"]["checkoutComplete"]["__typename"] == "CheckoutCompleted"
    assert outcomes["08-order"]["order"]["paymentStatus"] == "PAID"


async def test_a_wrong_document_is_refused_before_it_is_sent(session: AsyncClientSession) -> None:
    with pytest.raises(GraphQLError, match="Cannot query field 'nope'"):
        await session.execute(gql("{ nope }"))


async def test_an_error_of_the_server_arrives_with_its_code(session: AsyncClientSession) -> None:
    request = gql('{ cart(id: "nonsense") { version } }')

    with pytest.raises(TransportQueryError) as caught:
        await session.execute(request)

    assert caught.value.errors is not None
    assert caught.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
