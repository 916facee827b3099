"""What tests of cancellations share: the mutations, and everything that they may change."""

from __future__ import annotations

from typing import Any

from tests.shopkeeping import Api

ORDER = """id status paymentStatus canCancel payments { status refunded { amount } amount { amount } }
  timeline { kind message }"""
READ_ORDER = f"query ($token: String!) {{ order(by: {{accessToken: $token}}) {{ {ORDER} }} }}"
READ_ATTEMPT = """query ($id: ID!) { checkoutAttempt(id: $id) { state cancelRequestedAt cart { id state }
  result { __typename ... on CheckoutFailed { userErrors { code message } } } } }"""
CANCEL_ATTEMPT = """mutation ($input: CheckoutAttemptCancelInput!) { checkoutAttemptCancel(input: $input) {
  attempt { id state cancelRequestedAt cart { state } } userErrors { code field } } }"""
CANCEL_ORDER = f"""mutation ($input: OrderCancelInput!) {{ orderCancel(input: $input) {{
  order {{ {ORDER} }} userErrors {{ code field }} }} }}"""


async def cancel_attempt(api: Api, outcome: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The payload of `checkoutAttemptCancel` for what a checkout was answered."""
    values = {"attemptId": outcome["attempt"]["id"], **more}
    return (await api.data(CANCEL_ATTEMPT, input=values))["checkoutAttemptCancel"]


async def cancel_order(api: Api, outcome: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The payload of `orderCancel` for what a checkout was answered, shown with its token."""
    token = outcome["orderAccessToken"]
    values = {"orderId": (await read_order(api, outcome))["id"], "accessToken": token, **more}
    return (await api.data(CANCEL_ORDER, input=values))["orderCancel"]


async def read_order(api: Api, outcome: dict[str, Any]) -> dict[str, Any]:
    """The order of what a checkout was answered."""
    return (await api.data(READ_ORDER, token=outcome["orderAccessToken"]))["order"]


async def read_attempt(api: Api, outcome: dict[str, Any]) -> dict[str, Any]:
    """The attempt of what a checkout was answered."""
    return (await api.data(READ_ATTEMPT, id=outcome["attempt"]["id"]))["checkoutAttempt"]
