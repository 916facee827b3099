"""The web application of a wired shop: what the processes of `cartograph serve` load."""

from __future__ import annotations

import os

from starlette.types import ASGIApp

from app import telemetry
from app.account_app import build_auth_api, cost_buckets
from app.bootstrap import build_shop
from app.core.fault_points import Armed, arm_to_kill
from app.http.asgi import WebServices, create_asgi
from app.http.authentication import Authentication
from app.http.explorer_assets import locate_explorer
from app.http.mail_pages import MailPages
from app.http.pages import Pages
from app.mail.folder_mailer import MailFolder
from app.settings import load_settings
from app.shop import Shop


def build_app(shop: Shop) -> ASGIApp:
    """The web application of a shop; it closes the shop when it is shut down."""
    settings, mailer = shop.settings, shop.send_mail.mailer
    pages = Pages(
        shop_name=settings.shop_name,
        explorer_enabled=settings.explorer,
        explorer=locate_explorer(os.environ),
        clock=shop.clock,
        mail=MailPages(mailer) if isinstance(mailer, MailFolder) else None,
        provider_page=f"{settings.stripe_api_base}/_emulator/" if settings.stripe_api_base else None,
    )
    return create_asgi(
        WebServices(
            services=shop.services,
            auth_api=build_auth_api(settings, shop.accounts, shop.throttle, shop.clock),
            export_customer=shop.export_customer,
            authentication=Authentication(shop.accounts.verifier, cookies=settings.auth_cookies),
            allowed_origins=settings.allowed_origins,
            not_ready=shop.not_ready,
            look_around=shop.look_around,
            throttle=shop.throttle,
            cost_buckets=cost_buckets(settings),
            find_document=shop.find_document,
            public_answers=shop.public_answers,
            payment_events=shop.provider_desk.events,
            receive_event=shop.provider_desk.receive_event,
            pages=pages,
            ids=shop.ids,
            introspection=settings.introspection,
            get_queries=settings.get_queries,
            on_shutdown=shop.close,
        )
    )


def create_app() -> ASGIApp:
    """The web application for the environment's settings: what the server's processes load."""
    settings = load_settings(os.environ)
    telemetry.configure_logging(settings.log_level)
    if settings.fault_point is not None:
        arm_to_kill(Armed.parse(settings.fault_point))
    return build_app(build_shop(settings))
