"""What `cartograph mail` does, given a shop: failed, retry, preview."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.bootstrap import Shop
from app.core.errors import InvalidInput
from app.core.money import Currency
from app.core.printable import printable
from app.mail.contents import message_of
from app.mail.domain import PostedMessage
from app.mail.samples import sample_contents
from app.mail.storefront import Storefront

OK, FAILED = 0, 1
RETRIED_AT_ONCE = 1_000


async def failed(shop: Shop, *, limit: int) -> int:
    """List the e-mails that were refused for good, the newest first."""
    async with shop.transactions.read() as tx:
        messages = await tx.mail.list_failed(limit=limit)
    if not messages:
        print("no e-mail has failed")
    for message in messages:
        print(f"{message.failed_at:%Y-%m-%d %H:%M}  {message.key}  {printable(message.reason)}")
    return OK


async def retry(shop: Shop, keys: Sequence[str], *, every: bool) -> int:
    """Have failed e-mails tried again: those with these keys, or every one."""
    unknown = [key for key in keys if not await _retry(shop, key)]
    for key in unknown:
        print(f"cartograph: {printable(key)}: no e-mail with this key has failed", file=sys.stderr)
    count = len(keys) - len(unknown) + (await _retry_all(shop) if every else 0)
    print(f"{count:,} will be tried again")
    return FAILED if unknown else OK


async def preview(shop: Shop, folder: Path, *, language: str | None) -> int:
    """Write every e-mail as it would be sent, of an order that never was."""
    language = language or shop.settings.language
    contents = sample_contents(Storefront(shop.settings.shop_url), Currency(shop.settings.currency))
    messages = [message_of(each, about="preview", recipient="you@shop.test", language=language) for each in contents]
    try:
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  nothing else happens here
        for message in messages:
            email = shop.send_mail.templates.write(PostedMessage(message, shop.clock.now()))
            (folder / f"{message.template}.html").write_text(email.html, encoding="utf-8")
            (folder / f"{message.template}.txt").write_text(email.text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be written to: {error.strerror}") from None
    print(f"{len(messages)} e-mails in {folder}, each as .html and .txt")
    return OK


async def _retry(shop: Shop, key: str) -> bool:
    async with shop.transactions.begin() as tx:
        return await tx.mail.retry(key)


async def _retry_all(shop: Shop) -> int:
    count = 0
    while True:
        async with shop.transactions.begin() as tx:
            messages = await tx.mail.list_failed(limit=RETRIED_AT_ONCE)
            count += sum([await tx.mail.retry(message.key) for message in messages])
        if len(messages) < RETRIED_AT_ONCE:
            return count
