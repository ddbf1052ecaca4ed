"""A real MCP client: lists the tools, calls some, and prints what came. `stdio COMMAND...` or `http URL TOKEN`."""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def ask(read, write):
    async with ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        listed = await session.call_tool("sessions", {"limit": 5})
        first = json.loads(listed.content[0].text.splitlines()[0])
        turn = await session.call_tool("turn", {"session": first["session"]})
        wrong = await session.call_tool("turn", {"session": "none"})
        print(
            json.dumps(
                {
                    "server": hello.serverInfo.name,
                    "tools": tools,
                    "session": first,
                    "turn": turn.content[0].text,
                    "wrong": [wrong.isError, wrong.content[0].text],
                }
            )
        )


async def main():
    if sys.argv[1] == "stdio":
        server = StdioServerParameters(command=sys.argv[2], args=sys.argv[3:], env=dict(os.environ))
        async with stdio_client(server) as (read, write):
            await ask(read, write)
    else:
        headers = {"authorization": f"Bearer {sys.argv[3]}"}
        async with streamablehttp_client(sys.argv[2], headers=headers) as (read, write, _):
            await ask(read, write)


asyncio.run(main())
