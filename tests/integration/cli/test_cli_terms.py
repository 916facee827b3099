"""`cartograph import terms.yaml`: entries in, counts out, faults with their line."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Servers
from tests.integration.cli.commands import Run

TERMS = """\
delivery:
  - zone: cli
    countries: [US]
    methods:
      - {key: post, name: Post, price: {USD: 4.90}}
promotions:
  - {key: cli-good, name: Good, code: CLI-GOOD, percent: 10, products: [cli-terms-mug]}
  - {key: cli-bad, name: Bad, code: CLI-BAD, percent: 10, products: [no-such-thing]}
  - {key: cli-same, name: Same, code: cli-good, percent: 10}
"""


async def test_products_come_before_the_terms_that_name_them_and_bad_entries_are_named_by_line(
    run: Run, environment: dict[str, str], tmp_path: Path, servers: Servers
) -> None:
    terms, products = tmp_path / "terms.yaml", tmp_path / "products.jsonl"
    terms.write_text(TERMS, encoding="utf-8")
    products.write_text('{"key": "cli-terms-mug", "name": "Terms mug", "price": 1}\n', encoding="utf-8")

    dry = await run("import", terms, products, "--dry-run", env=environment)
    real = await run("import", terms, products, env=environment)
    again = await run("import", terms, env=environment)

    assert dry.code == 1
    assert "would be changed" in dry.out
    assert (real.code, again.code) == (1, 1)
    assert [line for line in real.err.splitlines() if "read," not in line] == [
        f"{terms}:8: products[0]: the shop has no 'no-such-thing': import products first",
        f"{terms}:9: code: CLI-GOOD is the code of promotion cli-good",
    ]
    assert real.lines()[-1] == f"{terms}: 2 changed, 0 unchanged, 2 skipped"
    assert again.lines()[-1] == f"{terms}: 0 changed, 2 unchanged, 2 skipped"
    stored = servers.postgres.execute("SELECT key FROM promotion ORDER BY key", database="commands").splitlines()
    assert stored == ["cli-good"]


async def test_a_terms_file_that_cannot_be_read_ends_with_2(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("delivery: [", encoding="utf-8")

    ended = await run("import", broken, env=environment)

    assert ended.code == 2
    assert "is no YAML or JSON" in ended.err
