"""Operations on a shop in this process, without a server in front of them."""

from __future__ import annotations

from app.bootstrap import Shop
from app.core.public_answers import PublicAnswers
from app.core.throttle import Throttle
from app.http.operations import Operations
from app.http.public_queries import PublicQueries
from resolvers.schema import SENSITIVE, build_schema
from resolvers.services import Services


def operations_of(
    shop: Shop,
    *,
    services: Services | None = None,
    throttle: Throttle | None = None,
    public_answers: PublicAnswers | None = None,
) -> Operations:
    """Operations as the web application has them. services, throttle, public_answers: others than the shop's."""
    schema = build_schema()
    public_queries = PublicQueries(public_answers or shop.public_answers, schema.as_str(), shop.services.profile)
    return Operations(
        schema,
        services or shop.services,
        throttle or shop.throttle,
        shop.find_document,
        public_queries,
        sensitive=SENSITIVE,
    )
