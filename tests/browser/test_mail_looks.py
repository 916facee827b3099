"""Every e-mail in a browser: it fits a telephone, and can be read by light and by dark."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.core.money import Currency
from app.mail.contents import CONTENTS, Content, message_of
from app.mail.domain import PostedMessage
from app.mail.jinja_templates import JinjaTemplates
from app.mail.samples import sample_contents
from app.mail.storefront import Storefront

if TYPE_CHECKING:
    from playwright.async_api import Browser

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
TEMPLATES = JinjaTemplates(shop_name="Fell & Foss", sender="orders@shop.example")
SAMPLES = sample_contents(Storefront("https://shop.example"), Currency("EUR"))
ENOUGH_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, level AA
WORST_CONTRAST = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((c) => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      const [, , , alpha = 1] = channels(colour);
      if (alpha > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let worst = 21;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.getClientRects().length) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(background(element))];
    worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
  }
  return worst;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("content", SAMPLES, ids=list(CONTENTS))
async def test_an_e_mail_fits_a_telephone_and_can_be_read(chromium: Browser, content: Content, scheme: str) -> None:
    message = message_of(content, about="7", recipient="ada@buyers.example", language="de")
    email = TEMPLATES.write(PostedMessage(message, NOON))
    context = await chromium.new_context(viewport={"width": 320, "height": 600}, color_scheme=scheme)
    page = await context.new_page()
    await page.set_content(email.html)

    width = await page.evaluate("document.documentElement.scrollWidth")
    contrast = await page.evaluate(WORST_CONTRAST)
    await context.close()

    assert width <= 320
    assert contrast >= ENOUGH_CONTRAST
