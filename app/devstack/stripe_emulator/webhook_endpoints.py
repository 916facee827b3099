"""Webhook endpoints: where events go, besides the one of the command line."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from app.devstack.stripe_emulator.call import Call
from app.devstack.stripe_emulator.listing import PAGE_PARAMETERS, list_page
from app.devstack.stripe_emulator.problems import InvalidParameter, missing
from app.devstack.stripe_emulator.records import Json, WebhookEndpoint
from app.devstack.stripe_emulator.render import render


def create_webhook_endpoint(call: Call) -> Json:
    """POST /v1/webhook_endpoints; only this answer has the secret."""
    params, changes = call.params, call.changes
    params.accept("description", "enabled_events", "metadata", "url")
    enabled_events = params.texts("enabled_events")
    if enabled_events is None:
        raise missing("enabled_events")
    endpoint = changes.webhook_endpoints.put(
        WebhookEndpoint(
            id=changes.identifiers.new("we"),
            created=changes.now,
            url=_checked_url(params.required_text("url")),
            secret=changes.identifiers.webhook_secret(),
            enabled_events=enabled_events,
            description=params.text("description"),
            metadata=params.metadata(),
        )
    )
    return {**render(endpoint), "secret": endpoint.secret}


def retrieve_webhook_endpoint(call: Call) -> Json:
    """GET /v1/webhook_endpoints/:id."""
    call.params.accept()
    return render(call.changes.webhook_endpoints.get(call.path_id))


def update_webhook_endpoint(call: Call) -> Json:
    """POST /v1/webhook_endpoints/:id."""
    params = call.params
    params.accept("description", "enabled_events", "metadata", "url")
    endpoint = call.changes.webhook_endpoints.get(call.path_id)
    endpoint = replace(
        endpoint,
        url=_checked_url(params.required_text("url")) if "url" in params else endpoint.url,
        enabled_events=params.texts("enabled_events") or endpoint.enabled_events,
        description=params.text_or("description", endpoint.description),
        metadata=params.metadata(endpoint.metadata),
    )
    return render(call.changes.webhook_endpoints.put(endpoint))


def delete_webhook_endpoint(call: Call) -> Json:
    """DELETE /v1/webhook_endpoints/:id."""
    call.params.accept()
    endpoint = call.changes.webhook_endpoints.get(call.path_id)
    call.changes.delete(endpoint.id)
    return {"id": endpoint.id, "object": "webhook_endpoint", "deleted": True}


def list_webhook_endpoints(call: Call) -> Json:
    """GET /v1/webhook_endpoints."""
    call.params.accept(*PAGE_PARAMETERS)
    return list_page(call, call.changes.webhook_endpoints.newest_first())


def _checked_url(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise InvalidParameter("Invalid URL: An explicit scheme (such as https) must be provided.", param="url")
    return url
