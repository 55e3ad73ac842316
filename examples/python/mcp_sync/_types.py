"""What servers offer and answer. Each has `raw`: all that the server wrote."""

from __future__ import annotations

import base64
import dataclasses
import enum
import json
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]


def jsonable(value: Any) -> str:
    """A value as JSON: what JSON has, and data classes, members of enumerations, and models of pydantic. Raises `TypeError` and
    `ValueError`."""

    def other(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        if isinstance(value, enum.Enum):
            return value.value
        if hasattr(value, "model_dump"):
            return value.model_dump(mode="json")
        raise TypeError(f"{type(value).__name__} is no JSON")

    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=other)


@dataclass(frozen=True)
class Tool:
    name: str
    description: Optional[str]
    input_schema: Json
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> "Tool":
        return cls(raw["name"], raw.get("description"), raw.get("inputSchema") or {}, raw)


@dataclass(frozen=True)
class Result:
    """What a tool answered."""

    text: str
    """The text in it, in lines; "" when there is none."""
    structured: Any
    """Its structured content; None when there is none."""
    is_error: bool
    """Whether the tool says that it failed."""
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> "Result":
        text = [part["text"] for part in raw.get("content") or () if part.get("type") == "text"]
        return cls("\n".join(text), raw.get("structuredContent"), bool(raw.get("isError")), raw)

    @property
    def content(self) -> List[Json]:
        """Its parts: text, images, audio, resources."""
        return list(self.raw.get("content") or ())

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Resource:
    uri: str
    name: str
    mime_type: Optional[str]
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> "Resource":
        return cls(raw.get("uri") or raw.get("uriTemplate") or "", raw.get("name", ""), raw.get("mimeType"), raw)


@dataclass(frozen=True)
class Contents:
    """What a resource holds, mostly in one part."""

    raw: Json = field(repr=False)

    @property
    def parts(self) -> List[Json]:
        """Its parts, each with `text` or `blob`."""
        return list(self.raw.get("contents") or ())

    @property
    def text(self) -> str:
        """The text in it; "" when there is none."""
        return "".join(part.get("text", "") for part in self.parts)

    @property
    def data(self) -> bytes:
        """What is in it as bytes: its text in UTF-8, what is no text decoded."""
        parts = self.parts
        return b"".join(base64.b64decode(p["blob"]) if "blob" in p else p.get("text", "").encode() for p in parts)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Prompt:
    name: str
    description: Optional[str]
    arguments: Tuple[str, ...]
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> "Prompt":
        arguments = tuple(argument["name"] for argument in raw.get("arguments") or ())
        return cls(raw["name"], raw.get("description"), arguments, raw)


@dataclass(frozen=True)
class PromptResult:
    """A prompt with its arguments in place."""

    description: Optional[str]
    messages: List[Json]
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> "PromptResult":
        return cls(raw.get("description"), list(raw.get("messages") or ()), raw)

    @property
    def text(self) -> str:
        """The text of its messages, in lines."""
        contents = (message.get("content") or {} for message in self.messages)
        return "\n".join(content["text"] for content in contents if content.get("type") == "text")
