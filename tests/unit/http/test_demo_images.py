"""The demo's pictures: small, closed, and the same every time."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from app.http.demo_images import draw_product


@pytest.mark.parametrize("slug", ["trail-mug", "x", "2-person-tent", "-", "a" * 128])
def test_a_picture_is_small_and_well_formed_and_names_no_other_file(slug: str) -> None:
    picture = draw_product(slug)

    assert picture is not None
    assert len(picture.encode()) <= 4096
    tree = ET.fromstring(picture)
    assert tree.tag == "{http://www.w3.org/2000/svg}svg"
    assert not any(name.endswith("href") for element in tree.iter() for name in element.attrib)
    assert "nan" not in picture


def test_one_slug_is_always_the_same_picture_and_another_slug_another() -> None:
    assert draw_product("trail-mug") == draw_product("trail-mug")
    assert draw_product("trail-mug") != draw_product("trail-mug-2")


def test_the_initials_are_those_of_the_first_two_words() -> None:
    picture = draw_product("trail-mug-blue")

    assert picture is not None
    assert ">TM</text>" in picture


@pytest.mark.parametrize("text", ["", "Trail", "a b", "a_b", "<svg>", "a" * 129, "ä", "a\n"])
def test_what_is_not_a_slug_has_no_picture(text: str) -> None:
    assert draw_product(text) is None
