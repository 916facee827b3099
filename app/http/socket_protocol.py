"""The messages of `graphql-transport-ws`, read and written, and the codes with which a socket is closed.

Source: GraphQL over WebSocket Protocol, Message types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.core.errors import CardDataNotAllowed
from app.http import strict_json
from app.http.card_check import refuse_card_data

SUBPROTOCOL = "graphql-transport-ws"
MAX_ID_LENGTH = 255
_MAX_REASON_BYTES = 123  # of a close frame
_KINDS = frozenset({"connection_init", "ping", "pong", "subscribe", "complete"})

GOING_AWAY = 1001
RESTARTING = 1012
BAD_MESSAGE = 4400
NOT_ACKNOWLEDGED = 4401
FORBIDDEN = 4403
WRONG_SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
ID_IN_USE = 4409
SECOND_INIT = 4429


class Ended(Exception):
    """The socket is to be closed. code: one of the above; reason: a few words."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """What a client says. id: empty where the kind of message has none."""

    kind: str
    id: str
    payload: Any


def read_message(text: str) -> ClientMessage:
    """The message in a frame. Raises Ended where it is none of the protocol's, and where a card number stands in it.

    What is subscribed to is not looked at: it is answered by an error, under its id.
    """
    try:
        message = strict_json.decode(text.encode(errors="surrogatepass"))
    except (strict_json.NotJson, strict_json.BadText):
        raise Ended(BAD_MESSAGE, "A message must be a JSON object.") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Ended(BAD_MESSAGE, f"A message must have a type: {', '.join(sorted(_KINDS))}.")
    payload, id_ = message.get("payload"), message.get("id", "")
    if payload is not None and not isinstance(payload, dict):
        raise Ended(BAD_MESSAGE, f"The payload of {kind} must be an object.")
    if kind in ("subscribe", "complete") and not (isinstance(id_, str) and 0 < len(id_) <= MAX_ID_LENGTH):
        raise Ended(BAD_MESSAGE, f"{kind} needs an id of 1 to {MAX_ID_LENGTH} characters.")
    if kind == "subscribe" and payload is None:
        raise Ended(BAD_MESSAGE, "subscribe needs a payload with a query.")
    try:
        refuse_card_data(message if kind != "subscribe" else {**message, "payload": None})
    except CardDataNotAllowed as error:
        raise Ended(BAD_MESSAGE, f"{error.code.value}: {'.'.join(error.position)}") from None
    return ClientMessage(kind, id_ if isinstance(id_, str) else "", payload)


def acknowledgement() -> str:
    """Operations may be sent now."""
    return _text(type="connection_ack")


def pong(payload: dict[str, Any] | None) -> str:
    """The answer to a ping, with its payload."""
    return _text(type="pong") if payload is None else _text(type="pong", payload=payload)


def next_answer(operation_id: str, answer: bytes) -> str:
    """One answer of an operation. answer: JSON."""
    return _text(id=operation_id, type="next", payload=msgspec.Raw(answer))


def refusal(operation_id: str, errors: Sequence[dict[str, Any]]) -> str:
    """The operation has not been executed, or has ended by these errors; nothing of it follows."""
    return _text(id=operation_id, type="error", payload=errors)


def completion(operation_id: str) -> str:
    """The operation has ended."""
    return _text(id=operation_id, type="complete")


def _text(**message: Any) -> str:  # noqa: ANN401  JSON
    return msgspec.json.encode(message).decode()
