"""What every mutation that ends something answers."""

from __future__ import annotations

import strawberry

from resolvers.cost_directives import at_most
from resolvers.errors import MAX_USER_ERRORS, UserError


@strawberry.type(description="What was deleted.")
class DeletePayload:
    """The id is null exactly where there are user errors."""

    deleted_id: strawberry.ID | None = strawberry.field(description="The id; null where nothing was deleted.")
    user_errors: list[UserError] = strawberry.field(
        directives=at_most(MAX_USER_ERRORS), description="Why nothing was deleted; else empty."
    )
