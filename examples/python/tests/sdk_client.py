"""The Python SDK as a client of a server of this package, 1.x or 2.x, whichever is installed.

    python sdk_client.py URL [TOKEN]
    python sdk_client.py --stdio PROGRAM ARGUMENT …

Prints what it was told as one JSON object.
"""

import asyncio
import datetime
import importlib.metadata
import json
import os
import sys

from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

FIRST = importlib.metadata.version("mcp").startswith("1.")
if FIRST:
    import httpx
    from mcp import types
else:
    import httpx2 as httpx
    import mcp_types as types

BOUND = 30
told = {"progress": [], "logs": []}


async def form(context, params):
    wanted = list((getattr(params, "requestedSchema", None) or params.requested_schema)["properties"])
    return types.ElicitResult(action="accept", content={"tea": "green"} if wanted == ["tea"] else {"cups": 2})


async def model(context, params):
    text = types.TextContent(type="text", text=f"on {params.messages[0].content.text}")
    return types.CreateMessageResult(role="assistant", content=text, model="small")


async def places(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/tea")])


async def logged(params):
    told["logs"].append(params.data)


async def progressed(progress, total, message):
    told["progress"].append([progress, total, message])


def plain(value):
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def failure(answer):
    try:
        return plain(await answer)
    except Exception as error:
        return str(error)


async def templates(session):
    listed = await session.list_resource_templates()
    return listed.resourceTemplates if FIRST else listed.resource_templates


async def completed(session, reference, name, value):
    return (await session.complete(reference, {"name": name, "value": value})).completion.values


async def use(session):
    async def call(name, arguments=None, **more):
        return plain(await session.call_tool(name, arguments or {}, **more))

    told["tools"] = {tool.name: plain(tool) for tool in (await session.list_tools()).tools}
    told["add"] = await call("add", {"a": 2})
    told["pour"] = await call("pour", {"cups": [{"tea": "green", "size": "large"}], "prices": {"green": 2}})
    told["wrong"] = await call("pour", {"cups": [{"tea": 1}]})
    told["steps"] = await call("steps", {"count": 2}, progress_callback=progressed)
    for name in ("cup", "fail", "broken", "no_json", "whole", "order", "poem", "roots", "later"):
        told[name] = await call(name)
    told["lost"] = await failure(call("lost"))
    told["resources"] = [str(resource.uri) for resource in (await session.list_resources()).resources]
    told["tea"] = plain(await session.read_resource("memo://tea"))
    told["leaf"] = plain(await session.read_resource("memo://leaf"))
    told["gone"] = await failure(session.read_resource("memo://gone"))
    told["templates"] = [plain(each) for each in await templates(session)]
    told["shelf"] = plain(await session.read_resource("shop://Bern/shelf/4"))
    told["no shelf"] = await failure(session.read_resource("shop://Bern/shelf/5"))
    of_template = types.ResourceTemplateReference(type="ref/resource", uri="shop://{city}/shelf/{number}")
    told["cities"] = await completed(session, of_template, "city", "ber")
    told["whom"] = await completed(session, types.PromptReference(type="ref/prompt", name="praise"), "who", "Ad")
    told["prompts"] = [plain(prompt) for prompt in (await session.list_prompts()).prompts]
    told["praise"] = plain(await session.get_prompt("praise", {"who": "Ada", "times": "2"}))
    told["talk"] = plain(await session.get_prompt("talk"))


async def main():
    handlers = {"sampling_callback": model, "elicitation_callback": form, "list_roots_callback": places, "logging_callback": logged}
    if sys.argv[1] == "--stdio":
        server = stdio_client(StdioServerParameters(command=sys.argv[2], args=sys.argv[3:], env=dict(os.environ)))
    else:
        headers = {"Authorization": f"Bearer {sys.argv[2]}"} if len(sys.argv) > 2 else {}
        server = streamable_http_client(sys.argv[1], http_client=httpx.AsyncClient(headers=headers, timeout=BOUND))
    if FIRST:
        async with server as (read, write, *_):
            async with ClientSession(read, write, datetime.timedelta(seconds=BOUND), **handlers) as session:
                told["instructions"] = (await session.initialize()).instructions
                await use(session)
    else:
        from mcp import Client

        async with Client(server, read_timeout_seconds=BOUND, log_level="debug", **handlers) as session:
            told["instructions"] = session.instructions
            await use(session)
    print(json.dumps(told))


asyncio.run(main())
