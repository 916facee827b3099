"""What somebody asks for who has to show first that an e-mail address is theirs: an account, or a new password.

The request is stored and answered, whoever has the address; only then does the worker look whether there is an account
and post the e-mail that fits. So nothing that a stranger can see or measure depends on it. See ADR-0031.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

ANSWER_EMAIL_REQUEST = "answer_email_request"  # the kind of job; its payload names the request
MAX_REQUESTS = 5  # for one e-mail address within LIMIT_WINDOW; whatever is beyond is answered alike and dropped
MAX_FROM_ADDRESS = 100  # from one network address: beyond, nothing is taken
LIMIT_WINDOW = timedelta(hours=1)
TOKEN_BYTES = 32
_MAX_TOKEN_LENGTH = 100


class RequestKind(Enum):
    """What was asked for."""

    REGISTRATION = "registration"
    RESET = "reset"


LINK_LIFETIME = {RequestKind.REGISTRATION: timedelta(hours=24), RequestKind.RESET: timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class EmailRequest:
    """A request. email: case folded; password_hash: of a registration, what its owner wants to sign in with."""

    id: UUID
    kind: RequestKind
    email: str
    language: str
    asked_at: datetime
    address: str
    name: str | None = None
    password_hash: str | None = field(default=None, repr=False)


def token_text(token: bytes) -> str:
    """What the link carries."""
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def token_digest(text: str) -> bytes:
    """What a link is recognised by."""
    return hashlib.sha256(b"cartograph.email-link.1" + text[:_MAX_TOKEN_LENGTH].encode(errors="replace")).digest()
