"""Where the explorer's build is looked for, and what names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.http.explorer_assets import (
    BuildState,
    ExplorerAssets,
    cache_folder,
    checkout_explorer,
    find_checkout,
    locate_explorer,
    sources_digest,
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    checkout = tmp_path / "checkout"
    (checkout / "web" / "src").mkdir(parents=True)
    (checkout / "docs" / "examples").mkdir(parents=True)
    (checkout / "web" / "src" / "main.jsx").write_text("main")
    (checkout / "docs" / "examples" / "01-search.graphql").write_text("query Search { shop { name } }")
    return checkout


def test_equal_sources_have_equal_names_and_other_sources_others(checkout: Path) -> None:
    before = sources_digest(checkout)

    (checkout / "web" / "node_modules" / "react").mkdir(parents=True)
    (checkout / "web" / "node_modules" / "react" / "index.js").write_text("react")
    with_packages = sources_digest(checkout)
    (checkout / "docs" / "examples" / "01-search.graphql").write_text("query Search { shop { currency } }")
    with_another_example = sources_digest(checkout)

    assert with_packages == before
    assert with_another_example != before


def test_the_users_cache_is_used(checkout: Path, tmp_path: Path) -> None:
    home, cache = tmp_path / "home", tmp_path / "cache"

    assert cache_folder(checkout, {"HOME": str(home)}) == home / ".cache" / "cartograph"
    assert cache_folder(checkout, {"HOME": str(home), "XDG_CACHE_HOME": str(cache)}) == cache / "cartograph"
    assert cache_folder(checkout, {"HOME": str(home), "XDG_CACHE_HOME": "cache"}) == home / ".cache" / "cartograph"


@pytest.mark.parametrize("home", [None, "", "not/absolute", "/dev/null/home"])
def test_the_checkout_is_used_where_there_is_no_home(checkout: Path, home: str | None) -> None:
    environ = {} if home is None else {"HOME": home}

    assert cache_folder(checkout, environ) == checkout / ".cartograph" / "cache"


def test_a_build_is_ready_when_its_page_is_there(checkout: Path, tmp_path: Path) -> None:
    assets = checkout_explorer(checkout, {"HOME": str(tmp_path)})
    before = assets.status().state

    assets.dist.mkdir(parents=True)
    (assets.dist / "index.html").touch()

    assert before is BuildState.MISSING
    assert assets.status().state is BuildState.READY


@pytest.mark.parametrize("content", ["", "{", '{"state": "melting"}', '{"state": "ready"}', '{"state": "building"}'])
def test_a_status_that_cannot_be_true_counts_as_missing(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)

    assert ExplorerAssets(tmp_path / "dist", tmp_path).status().state is BuildState.MISSING


def test_this_checkout_is_found() -> None:
    checkout = find_checkout()

    assert checkout is not None
    assert (checkout / "docs" / "examples" / "01-search.graphql").is_file()
    assert locate_explorer({}) is not None
