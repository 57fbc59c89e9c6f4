"""A server that speaks enough of OpenAI's chat API to keep a call open for a second."""

from __future__ import annotations

import asyncio
import json
import sys

STEPS = {"steps": [{"order": 1, "title": "Begin", "estimate_minutes": 5, "depends_on": []}]}
LATENCY_S = 1.0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            asked = json.loads(await reader.readexactly(length))
            await asyncio.sleep(LATENCY_S)
            body = json.dumps(answer(asked)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def answer(asked: dict) -> dict:  # type: ignore[type-arg]
    tool = asked["tools"][0]["function"]["name"]
    call = {"name": tool, "arguments": json.dumps(STEPS)}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call-1", "type": "function", "function": call}],
    }
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": asked["model"],
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
