"""Annotations of Python as JSON Schema, and values of JSON as what the annotations say."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import enum
import inspect
import json
import sys
import types
import typing
from typing import Any, Callable, Dict, List, Literal, Mapping, Optional, Tuple, Union

from ._errors import UsageError
from ._types import Json, Result

Reader = Callable[[Any], Any]
"""Gives the value that a function wants; raises `ValueError` for a value that is none."""

_UNIONS: Tuple[Any, ...] = (Union, types.UnionType) if sys.version_info >= (3, 10) else (Union,)
_PLAIN: Dict[Any, str] = {str: "string", bool: "boolean", dict: "object", list: "array"}


class Parameters:
    """What a function takes: its `schema`, and the name of the parameter that gets the call."""

    def __init__(self, function: Callable[..., Any], call: type) -> None:
        name = getattr(function, "__name__", "the function")
        if inspect.iscoroutinefunction(function):
            raise UsageError(f"{name} is a coroutine: what is offered here are ordinary functions")
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError as error:
            raise UsageError(f"an annotation of {name} is not known: {error}") from error
        self.call: Optional[str] = None
        self._readers: Dict[str, Reader] = {}
        self._required: List[str] = []
        properties: Json = {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise UsageError(f"the parameter {parameter.name} of {name} cannot be given by name")
            hint = hints.get(parameter.name, Any)
            if hint is call:
                self.call = parameter.name
                continue
            schema, self._readers[parameter.name] = described(hint)
            if parameter.default is parameter.empty:
                self._required.append(parameter.name)
            elif isinstance(parameter.default, (str, int, float, bool)) and not isinstance(parameter.default, enum.Enum):
                schema = {**schema, "default": parameter.default}
            properties[parameter.name] = schema
        self.schema: Json = {"type": "object", "properties": properties, "required": self._required}
        returned = hints.get("return")
        is_dataclass = isinstance(returned, type) and dataclasses.is_dataclass(returned) and not issubclass(returned, Result)
        self.output_schema: Optional[Json] = described(returned)[0] if is_dataclass else None

    @property
    def names(self) -> List[str]:
        return list(self._readers)

    @property
    def required(self) -> List[str]:
        return list(self._required)

    def read_text(self, arguments: Mapping[str, str]) -> Dict[str, Any]:
        """The same of arguments that are all text: `3` is a number where one is wanted."""
        return self.read({name: self._of_text(name, text) for name, text in arguments.items()})

    def _of_text(self, name: str, text: str) -> Any:
        read = self._readers.get(name)
        try:
            if read is not None:
                read(text)
        except ValueError:
            with contextlib.suppress(ValueError):
                return json.loads(text)
        return text

    def read(self, arguments: Mapping[str, Any]) -> Dict[str, Any]:
        """The arguments as the function wants them. Raises `ValueError`, which says which one is wrong."""
        missing = [name for name in self._required if name not in arguments]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        unknown = [name for name in arguments if name not in self._readers]
        if unknown:
            raise ValueError(f"there is no parameter {', '.join(unknown)}")
        return {name: _read_at(name, self._readers[name], value) for name, value in arguments.items()}


def described(hint: Any) -> Tuple[Json, Reader]:
    """The schema of an annotation and how its values are read. One that is not known is left open."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is None or hint is type(None):
        return {"type": "null"}, _exactly(type(None), "null")
    if hint is int:
        return {"type": "integer"}, _integer
    if hint is float:
        return {"type": "number"}, _number
    if origin is typing.Annotated:
        schema, read = described(inner[0])
        words = [extra for extra in inner[1:] if isinstance(extra, str)]
        return ({**schema, "description": words[0]} if words else schema), read
    if origin is Literal:
        return {"enum": list(inner)}, _one_of(inner)
    if origin in _UNIONS:
        return _union([described(part) for part in inner])
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable):
        return _list(*described(inner[0]))
    if origin in (dict, collections.abc.Mapping):
        return _dictionary(*described(inner[1]))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        values = {member.value: member for member in hint}
        check = _one_of(tuple(values))
        return {"enum": list(values)}, lambda value: values[check(value)]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _dataclass(hint)
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}, _exactly(hint, _PLAIN[hint])
    return {}, lambda value: value


def form(fields: Mapping[str, Any]) -> Json:
    """A form as JSON Schema: one that is a schema already, or the kinds of its fields by their names."""
    if fields.get("type") == "object":
        return dict(fields)
    return {"type": "object", "properties": {name: described(hint)[0] for name, hint in fields.items()}, "required": list(fields)}


def _read_at(name: str, read: Reader, value: Any) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _exactly(kind: type, name: str) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ValueError(f"{_shown(value)} is no {name}")
        return value

    return read


def _integer(value: Any) -> int:
    # To JSON 1.0 is the same as 1; true is a number to Python alone.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        raise ValueError(f"{_shown(value)} is no integer")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{_shown(value)} is no number")
    return float(value)


def _one_of(values: Tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        for known in values:
            if known == value and isinstance(known, bool) == isinstance(value, bool):
                return known
        raise ValueError(f"{_shown(value)} is none of {', '.join(map(repr, values))}")

    return read


def _union(parts: List[Tuple[Json, Reader]]) -> Tuple[Json, Reader]:
    def read(value: Any) -> Any:
        problems = []
        for _, reader in parts:
            try:
                return reader(value)
            except ValueError as error:
                problems.append(str(error))
        raise ValueError(" and ".join(problems))

    return {"anyOf": [schema for schema, _ in parts]}, read


def _list(schema: Json, read: Reader) -> Tuple[Json, Reader]:
    whole = _exactly(list, "array")
    return {"type": "array", "items": schema}, lambda value: [
        _read_at(f"[{place}]", read, item) for place, item in enumerate(whole(value))
    ]


def _dictionary(schema: Json, read: Reader) -> Tuple[Json, Reader]:
    whole = _exactly(dict, "object")
    return {"type": "object", "additionalProperties": schema}, lambda value: {
        name: _read_at(name, read, item) for name, item in whole(value).items()
    }


def _dataclass(kind: Any) -> Tuple[Json, Reader]:
    # Its constructor has the same parameters, with the same annotations.
    parameters = Parameters(kind, Parameters)
    whole = _exactly(dict, "object")
    return parameters.schema, lambda value: kind(**parameters.read(whole(value)))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "…"
