from __future__ import annotations

from dataclasses import dataclass

import pytest
import strawberry

from app.core.ids import Kind
from resolvers import backing
from resolvers.backing import backed_by, backed_types, given, shape_faults


@dataclass(frozen=True, slots=True)
class Globe:
    """A record."""

    id: int
    radius: int

    @property
    def diameter(self) -> int:
        """Twice the radius."""
        return 2 * self.radius

    def turns(self) -> int:
        """Not a field: graphql-core would call it."""
        return 7


@dataclass(frozen=True, slots=True)
class Ball:
    """Another record."""

    id: int
    radius: int


@pytest.fixture(autouse=True)
def _registers_of_this_test_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backing, "_BACKED", {})
    monkeypatch.setattr(backing, "KIND_OF", {})


def test_a_type_whose_plain_fields_are_on_its_record_has_no_faults() -> None:
    @backed_by(Globe)
    @strawberry.type
    class GlobeType:
        radius: int
        diameter: int

        @strawberry.field
        def name(record: strawberry.Parent[Globe]) -> str:  # noqa: N805  as all resolvers are written
            return f"A globe of {record.radius} cm"

    assert shape_faults() == []
    assert backed_types() == {GlobeType: (Globe,)}


def test_a_plain_field_that_a_record_has_not_is_a_fault_by_name() -> None:
    @backed_by(Globe, Ball)
    @strawberry.type
    class RoundThing:
        radius: int
        diameter: int
        colour: str
        turns: int

    assert shape_faults() == [
        "RoundThing.colour is not on Globe",
        "RoundThing.turns is not on Globe",
        "RoundThing.diameter is not on Ball",
        "RoundThing.colour is not on Ball",
        "RoundThing.turns is not on Ball",
    ]
    assert backed_types() == {RoundThing: (Globe, Ball)}


def test_a_type_tells_its_records_from_others() -> None:
    @backed_by(Globe, Ball)
    @strawberry.type
    class RoundThing:
        radius: int

    @backed_by(Ball)
    @strawberry.type
    class BallType:
        radius: int

    globe, ball = Globe(1, 2), Ball(1, 2)
    assert (RoundThing.is_type_of(globe, None), RoundThing.is_type_of(ball, None)) == (True, True)
    assert (BallType.is_type_of(globe, None), BallType.is_type_of(ball, None)) == (False, True)
    assert BallType.is_type_of(None, None) is False


def test_records_with_ids_have_their_kind() -> None:
    @backed_by(Globe, Ball, kind=Kind.PRODUCT)
    @strawberry.type
    class RoundThing:
        radius: int

    @backed_by(int)
    @strawberry.type
    class Plain:
        name: str

    assert {Globe: Kind.PRODUCT, Ball: Kind.PRODUCT} == backing.KIND_OF


def test_the_registers_cannot_be_changed_from_outside() -> None:
    backed_types()[Globe] = (Ball,)

    assert backed_types() == {}


@pytest.mark.parametrize("value", [0, "", False, [], 7, "x"])
def test_what_a_client_wrote_is_given(value: object) -> None:
    assert given(value) is value


@pytest.mark.parametrize("value", [None, strawberry.UNSET])
def test_what_a_client_left_out_or_wrote_as_null_is_none(value: object) -> None:
    assert given(value) is None
