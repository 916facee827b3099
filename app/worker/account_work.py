"""What the worker does for accounts, wherever their database is: the kinds of their jobs, and their upkeep."""

from __future__ import annotations

from app.accounts.answer_requests import AnswerRequests
from app.accounts.email_requests import ANSWER_EMAIL_REQUEST
from app.accounts.end_sessions import ForgetAccountTraces
from app.jobs.domain import JobKind
from app.worker.recurring import Scheduled


def account_kinds(answer_requests: AnswerRequests) -> list[JobKind]:
    """Every kind of job that accounts write, but for e-mails, which others write, too."""
    return [JobKind(ANSWER_EMAIL_REQUEST, answer_requests)]


def account_schedule(forget_traces: ForgetAccountTraces) -> list[Scheduled]:
    """What is done again and again."""
    return [Scheduled("forget_account_traces", every_seconds=600.0, run=forget_traces)]
