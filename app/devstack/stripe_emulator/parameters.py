"""Stripe's v1 parameters: form encoding with brackets, read by name and type.

`metadata[order_id]=7&expand[0]=customer` is the same whether it comes in a body or in a query. A reader raises
InvalidParameter with Stripe's words; what was not announced in `accept` is refused, so a misspelt parameter is found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl

from app.devstack.stripe_emulator.limits import (
    IGNORED_PARAMETERS,
    OTHER_PAYMENT_METHODS,
    REMOVED_PARAMETERS,
    UNSUPPORTED_PARAMETERS,
)
from app.devstack.stripe_emulator.problems import InvalidParameter, missing
from app.devstack.stripe_emulator.records import Json

Tree: TypeAlias = "str | dict[str, Tree]"

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_MAX_DEPTH = 6
_MAX_TEXT = 5000  # Stripe's limit for most strings
_MAX_METADATA = {"keys": 50, "key": 40, "value": 500}  # Stripe: Metadata, limits


class Parameters:
    """One level of parameters."""

    def __init__(self, values: Mapping[str, Tree], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix

    @classmethod
    def parse(cls, encoded: str) -> Parameters:
        """Read `a[b]=1&c[]=2`."""
        root: dict[str, Tree] = {}
        for key, value in parse_qsl(encoded, keep_blank_values=True):
            _insert(root, key, value)
        return cls(root)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def accept(self, *names: str) -> None:
        """Refuse every parameter that is neither named here nor known to have no effect."""
        for name in self._values:
            if name in names or name in IGNORED_PARAMETERS or name == "expand":
                continue
            param = self._path(name)
            if name in REMOVED_PARAMETERS:
                raise InvalidParameter(f"`{param}` is no longer supported.", param=param, code=REMOVED_PARAMETERS[name])
            if name in UNSUPPORTED_PARAMETERS or name in OTHER_PAYMENT_METHODS:
                raise InvalidParameter(f"The emulator does not know what `{param}` does.", param=param)
            raise InvalidParameter(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")

    def is_unset(self, name: str) -> bool:
        """Whether the parameter came empty, which Stripe takes as a wish to unset it."""
        return self._values.get(name) == ""

    def is_plain(self, name: str) -> bool:
        """Whether the parameter came as one value, without brackets."""
        return bool(self._values.get(name)) and isinstance(self._values[name], str)

    def text(self, name: str) -> str | None:
        """A string; None where it did not come or came empty."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise InvalidParameter("Invalid string.", param=self._path(name))
        if len(value) > _MAX_TEXT:
            raise InvalidParameter(f"Invalid string; must be at most {_MAX_TEXT} characters.", param=self._path(name))
        return value

    def text_or(self, name: str, before: str | None) -> str | None:
        """The string after this request: as before, unless it came; unset where it came empty."""
        return self.text(name) if name in self else before

    def required_text(self, name: str) -> str:
        """A string that must be there."""
        if self.is_unset(name):
            raise InvalidParameter(
                f"You passed an empty string for '{self._path(name)}', which cannot be unset. Remove it from your "
                "request or supply a non-empty value.",
                param=self._path(name),
                code="parameter_invalid_empty",
            )
        value = self.text(name)
        if value is None:
            raise missing(self._path(name))
        return value

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        """One of a few strings."""
        value = self.text(name)
        if value is not None and value not in allowed:
            names = ", ".join(allowed)
            raise InvalidParameter(f"Invalid {self._path(name)}: must be one of {names}", param=self._path(name))
        return value

    def integer(self, name: str, *, minimum: int | None = None) -> int | None:
        """A whole number; a minor unit never has a fraction."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise InvalidParameter(
                f"Invalid integer: {_shown(value)}", param=self._path(name), code="parameter_invalid_integer"
            )
        if minimum is not None and int(value) < minimum:
            raise InvalidParameter(
                f"This value must be greater than or equal to {minimum}.",
                param=self._path(name),
                code="parameter_invalid_integer",
            )
        return int(value)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false`."""
        value = self.text(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise InvalidParameter(f"Invalid boolean: {_shown(value)}", param=self._path(name))
        return value == "true"

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict) or any(not isinstance(item, str) for item in value.values()):
            raise InvalidParameter("Invalid array", param=self._path(name))
        return tuple(item for item in value.values() if isinstance(item, str))

    def nested(self, name: str) -> Parameters | None:
        """The parameters inside the brackets of this one."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise InvalidParameter("Invalid object", param=self._path(name))
        return Parameters(value, self._path(name))

    def json(self, name: str) -> Json | None:
        """An object that is kept as it came, such as a postal address."""
        group = self.nested(name)
        return None if group is None else group.canonical()

    def json_or(self, name: str, before: Json | None) -> Json | None:
        """The object after this request: as before, unless it came; unset where it came empty."""
        return self.json(name) if name in self else before

    def metadata(self, before: Mapping[str, str] | None = None) -> dict[str, str]:
        """The metadata after this request: merged into `before`; an empty value removes its key, an empty whole all."""
        if self.is_unset("metadata"):
            return {}
        merged = dict(before or {})
        for key, value in (self.nested("metadata") or Parameters({})).pairs():
            if not isinstance(value, str) or len(value) > _MAX_METADATA["value"] or len(key) > _MAX_METADATA["key"]:
                raise InvalidParameter("Metadata takes strings of limited length.", param=f"metadata[{key[:40]}]")
            if value:
                merged[key] = value
            else:
                merged.pop(key, None)
        if len(merged) > _MAX_METADATA["keys"]:
            raise InvalidParameter(f"You can only have {_MAX_METADATA['keys']} metadata keys.", param="metadata")
        return merged

    def canonical(self) -> Json:
        """The same for every order and way of writing these parameters."""
        return _plain(self._values)

    def pairs(self) -> Iterator[tuple[str, Tree]]:
        """Names and values as they came."""
        yield from self._values.items()

    def _path(self, name: str) -> str:
        return f"{self._prefix}[{name}]" if self._prefix else name


def _insert(root: dict[str, Tree], key: str, value: str) -> None:
    match = _KEY.fullmatch(key)
    names = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])] if match else []
    if not 0 < len(names) <= _MAX_DEPTH:
        raise InvalidParameter("Invalid parameter name.", param=key[:40])
    level = root
    for name in names[:-1]:
        inner = level.setdefault(name or str(len(level)), {})
        if not isinstance(inner, dict):
            raise InvalidParameter("Invalid object", param=key[:40])
        level = inner
    level[names[-1] or str(len(level))] = value


def _plain(values: Mapping[str, Tree]) -> dict[str, object]:
    return {name: value if isinstance(value, str) else _plain(value) for name, value in sorted(values.items())}


def _shown(value: str) -> str:
    return value if len(value) < 12 else f"{value[:4]}…"  # longer digits might be a card's, and are not repeated
