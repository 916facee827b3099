from __future__ import annotations

import pytest

from app.catalog.domain import Attribute
from app.catalog.labels import FacetLabels, ShownAttribute, shown

MATERIAL = Attribute("material", "Material", ("steel", "wool"))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, ShownAttribute("material", "Material", ("steel", "wool"), "en")),
        (
            FacetLabels("material", "de", "Werkstoff", {"steel": "Stahl", "wool": "Wolle"}),
            ShownAttribute("material", "Werkstoff", ("Stahl", "Wolle"), "de"),
        ),
        (
            FacetLabels("material", "de", "Werkstoff", {"steel": "Stahl"}),
            ShownAttribute("material", "Werkstoff", ("Stahl", "wool"), "en"),
        ),
        (
            FacetLabels("material", "de", None, {"steel": "Stahl", "wool": "Wolle"}),
            ShownAttribute("material", "Material", ("Stahl", "Wolle"), "en"),
        ),
    ],
)
def test_an_attribute_is_of_a_language_where_all_of_it_is(labels: FacetLabels | None, expected: ShownAttribute) -> None:
    assert shown(MATERIAL, labels, "en") == expected
