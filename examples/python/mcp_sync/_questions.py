"""What servers ask of the program while they work: its user, its model, where they may work."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Sequence, Union

from . import _abi
from ._errors import McpError, UsageError
from ._threads import elsewhere
from ._types import Json


@dataclass(frozen=True)
class Elicitation:
    """A question to the user: a form to be filled in, or a page to be visited."""

    message: str
    """What is asked, in the server's words."""
    requested_schema: Json
    """The form as a JSON Schema, whose `properties` are its fields; empty for a page."""
    url: Optional[str]
    """The page; None for a form."""
    server: Json
    """Who the server says it is, not to be trusted: `name`, `version`."""
    raw: Json = field(repr=False)


@dataclass(frozen=True)
class Sampling:
    """A question to the model: how it would go on."""

    messages: List[Json]
    max_tokens: int
    system_prompt: Optional[str]
    server: Json
    raw: Json = field(repr=False)
    """All that was asked, with `temperature`, `tools` and what else there is."""

    @property
    def text(self) -> str:
        """The text of the messages, in lines."""
        contents = [content for message in self.messages for content in _listed(message.get("content"))]
        return "\n".join(content["text"] for content in contents if content.get("type") == "text")


class Refused(McpError):
    """Raised by a function that answers servers: the server is told why it gets no answer."""


Root = Union[str, "os.PathLike[str]", Mapping[str, str]]
OnElicitation = Callable[[Elicitation], Union[Mapping[str, Any], bool, None]]
OnSampling = Callable[[Sampling], Union[str, Mapping[str, Any]]]
OnRoots = Callable[[], Sequence[Root]]


def answers(function: Callable[..., Any]) -> Callable[[_abi.Handle], None]:
    """What the library calls to have a question answered by this function."""

    def answer(question: _abi.Handle) -> None:
        method = _abi.lent("mcp_question_method", question)
        raw = json.loads(_abi.lent("mcp_question_params", question) or "{}")
        server = json.loads(_abi.lent("mcp_question_server", question) or "null") or {}
        try:
            if method == "elicitation/create":
                _elicited(question, elsewhere(function, _elicitation(raw, server)))
            elif method == "roots/list":
                _reply(question, {"roots": [root_of(root) for root in elsewhere(function)]})
            else:
                said = elsewhere(function, _sampling(raw, server))
                _reply(question, sampled(said) if isinstance(said, str) else said)
        except Refused as refused:
            _abi.set_option("mcp_question_fail", question, *_abi.text_in(refused.message))
        except BaseException:
            # What went wrong is this program's own affair, and is shown by `sys.unraisablehook`.
            _abi.library.mcp_question_fail(question, *_abi.text_in("the program could not answer"))
            raise

    return answer


def _elicitation(raw: Json, server: Json) -> Elicitation:
    return Elicitation(raw.get("message", ""), raw.get("requestedSchema") or {}, raw.get("url"), server, raw)


def _sampling(raw: Json, server: Json) -> Sampling:
    return Sampling(list(raw.get("messages") or ()), raw.get("maxTokens", 0), raw.get("systemPrompt"), server, raw)


def sampled(text: str) -> Json:
    """The answer of a model that has no name."""
    return {"role": "assistant", "content": {"type": "text", "text": text}, "model": "unknown"}


def root_of(root: Root) -> Json:
    """A root as the protocol has it: of a URI, of a path, or as it is."""
    if isinstance(root, Mapping):
        return dict(root)
    if isinstance(root, str) and "://" in root:
        return {"uri": root}
    return {"uri": Path(os.fspath(root)).absolute().as_uri()}


def _elicited(question: _abi.Handle, said: Union[Mapping[str, Any], bool, None]) -> None:
    if said is None:
        _abi.set_option("mcp_question_cancel", question)
    elif said is False:
        _abi.set_option("mcp_question_decline", question)
    elif said is True:
        _abi.do("mcp_question_accept", question, *_abi.text_in(None))
    elif isinstance(said, Mapping):
        _abi.do("mcp_question_accept", question, *_abi.text_in(json.dumps(dict(said), allow_nan=False)))
    else:
        raise UsageError(f"a form is answered with a dictionary, True, False or None, and not with {type(said).__name__}")


def _reply(question: _abi.Handle, result: Mapping[str, Any]) -> None:
    _abi.do("mcp_question_reply", question, *_abi.text_in(json.dumps(dict(result), allow_nan=False)))


def _listed(content: Any) -> List[Json]:
    return content if isinstance(content, list) else [content] if content else []
