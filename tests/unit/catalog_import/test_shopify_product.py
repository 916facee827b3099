from __future__ import annotations

from collections.abc import Callable

import pytest

from app.catalog.domain import Attribute, Image, ProductDraft, SelectedOption, VariantDraft
from app.catalog_import.reading import Item, LeftOut
from app.core.money import Currency, Money
from app.core.stock import StockPolicy

Read = Callable[..., list[Item]]
Faults = Callable[[list[Item]], list[str]]
USD = Currency("USD")


def test_a_product_of_the_export_brings_every_value(read_csv: Read) -> None:
    [draft] = read_csv(
        "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,"
        "Option2 Name,Option2 Value,Variant SKU,Variant Grams,Variant Inventory Tracker,Variant Inventory Qty,"
        "Variant Inventory Policy,Variant Price,Variant Compare At Price,Variant Requires Shipping,Image Src,"
        "Image Position,Image Alt Text,SEO Title,SEO Description,Color (product.metafields.shopify.color-pattern),"
        "Variant Image,Status\r\n"
        'shirt,Shirt,"<p>Soft.</p>\n<ul>\n<li>12"" long</li></ul>",Acme,Apparel > Shirts,Tops,"linen, summer",TRUE,'
        "Size,S,Colour,Blue,S-1,120.5,shopify,4,deny,30,45.00,true,https://x.example/2.jpg,2,Back,Buy it,So soft,"
        "blue; white,https://x.example/1.jpg,active\r\n"
        "shirt,,,,,,,,,M,,Blue,S-2,0,shopify,-3,continue,32.5,,false,https://x.example/1.jpg,1,Front,,,,,\r\n"
    )

    assert draft == ProductDraft(
        key="shirt",
        source="f:2",
        name="Shirt",
        variants=(
            VariantDraft(
                price=Money(3_000, USD),
                compare_at=Money(4_500, USD),
                sku="S-1",
                selected_options=(SelectedOption("Size", "S"), SelectedOption("Colour", "Blue")),
                on_hand=4,
                stock_policy=StockPolicy.DENY,
                weight_grams=121,
                image=Image("https://x.example/1.jpg", "Front"),
            ),
            VariantDraft(
                price=Money(3_250, USD),
                sku="S-2",
                selected_options=(SelectedOption("Size", "M"), SelectedOption("Colour", "Blue")),
                on_hand=0,
                stock_policy=StockPolicy.BACKORDER,
                requires_shipping=False,
            ),
        ),
        description='Soft.\n\n• 12" long',
        brand="Acme",
        category_path=("Apparel", "Shirts"),
        tags=("linen", "summer"),
        images=(Image("https://x.example/1.jpg", "Front"), Image("https://x.example/2.jpg", "Back")),
        attributes=(Attribute("color", "Color", ("blue", "white")),),
        slug="shirt",
        seo_title="Buy it",
        seo_description="So soft",
    )


def test_the_column_names_of_the_template_mean_the_same(read_csv: Read) -> None:
    [draft] = read_csv(
        "Title,URL handle,Description,Product category,Published on online store,Status,SKU,Option1 name,"
        "Option1 value,Price,Compare-at price,Inventory tracker,Inventory quantity,"
        "Continue selling when out of stock,Weight value (grams),"
        "Requires shipping,Product image URL,Variant image URL\n"
        "Mug,mug,<b>Enamel</b>,Kitchen > Mugs,TRUE,Active,MUG,Title,Default Title,18,20,shopify,7,CONTINUE,140,TRUE,"
        "https://x.example/1.jpg,https://x.example/1.jpg\n"
    )

    assert draft == ProductDraft(
        key="mug",
        source="f:2",
        name="Mug",
        variants=(
            VariantDraft(
                price=Money(1_800, USD),
                compare_at=Money(2_000, USD),
                sku="MUG",
                on_hand=7,
                stock_policy=StockPolicy.BACKORDER,
                weight_grams=140,
                image=Image("https://x.example/1.jpg"),
            ),
        ),
        description="Enamel",
        category_path=("Kitchen", "Mugs"),
        images=(Image("https://x.example/1.jpg"),),
        slug="mug",
    )


@pytest.mark.parametrize("cells", ["false,", "FALSE,active", "true,draft", ",archived", "no,"])
def test_a_product_that_is_not_published_is_left_out_whatever_else_it_holds(cells: str, read_csv: Read) -> None:
    items = read_csv(f"Handle,Title,Variant Price,Published,Status\na,,not a price,{cells}\nb,B,1,,\n")

    assert items[0] == LeftOut("f:2")
    assert isinstance(items[1], ProductDraft)


@pytest.mark.parametrize(
    ("category", "kind", "path"),
    [("A > B>C", "T", ("A", "B", "C")), ("", "T", ("T",)), ("1604", "T", ("T",)), ("", "", ())],
)
def test_the_type_is_the_category_where_there_is_no_other(
    category: str, kind: str, path: tuple[str, ...], read_csv: Read
) -> None:
    [draft] = read_csv(f"Handle,Title,Variant Price,Product Category,Type\na,A,1,{category},{kind}\n")

    assert isinstance(draft, ProductDraft)
    assert draft.category_path == path


@pytest.mark.parametrize(
    ("handle", "slug"), [("mug", "mug"), ("Crème_Brûlée", "creme-brulee"), ("★", None), ("x" * 200, "x" * 128)]
)
def test_a_handle_is_the_key_and_makes_the_slug(handle: str, slug: str | None, read_csv: Read) -> None:
    [draft] = read_csv(f"Handle,Title,Variant Price\n{handle},A,1\n")

    assert isinstance(draft, ProductDraft)
    assert (draft.key, draft.slug) == (handle, slug)


def test_a_row_with_only_a_picture_is_no_variant(read_csv: Read) -> None:
    [draft] = read_csv(
        "Handle,Title,Variant Price,Image Src,Image Position\n"
        "a,A,1,https://x.example/3.jpg,\n"
        "a,,,https://x.example/2.jpg,2\n"
        "a,,,https://x.example/1.jpg,1\n"
        "a,,,https://x.example/2.jpg,9\n"
    )

    assert isinstance(draft, ProductDraft)
    assert len(draft.variants) == 1
    assert [image.url[-5:] for image in draft.images] == ["1.jpg", "2.jpg", "3.jpg"]


@pytest.mark.parametrize(
    ("column", "cell", "fault"),
    [
        ("Title", "", "Title: missing"),
        ("Title", "x" * 256, "Title: has 256 characters, 255 are the most"),
        ("Title", "a\0b", "Title: holds a NUL character"),
        ("Body (HTML)", "x" * 50_001, "Body (HTML): has 50001 characters, 50000 are the most"),
        ("Vendor", "x" * 101, "Vendor: has 101 characters, 100 are the most"),
        ("Type", "x" * 81, "Type: has 81 characters, 80 are the most"),
        ("Tags", ",".join(map(str, range(51))), "Tags: 51 of them, 50 are the most"),
        ("Image Src", "1.jpg", "Image Src: '1.jpg' is not an http or https address"),
        ("SEO Title", "x" * 256, "SEO Title: has 256 characters, 255 are the most"),
        ("★ (product.metafields.shopify.x)", "a", "product.metafields.shopify.★: has no letter or digit in its name"),
    ],
)
def test_a_bad_value_of_a_product_is_named(column: str, cell: str, fault: str, read_csv: Read, faults: Faults) -> None:
    title = "" if column == "Title" else "A"
    header = "Handle,Variant Price" + (f",{column}" if column == "Title" else f",Title,{column}")

    items = read_csv(f'{header}\na,1{"" if column == "Title" else f",{title}"},"{cell}"\nb,1,B\n')

    assert faults(items) == [f"f:2: {fault}"]
    assert isinstance(items[1], ProductDraft)


def test_a_cell_that_is_not_utf8_is_named(read_csv: Read, faults: Faults) -> None:
    items = read_csv(b"Handle,Title,Variant Price\na,Caf\xe9,1\nb,B,1\n")

    assert faults(items) == ["f:2: Title: is not valid UTF-8"]
    assert isinstance(items[1], ProductDraft)
