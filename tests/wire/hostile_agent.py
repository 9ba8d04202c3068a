"""An agent that means harm: speaks AssemblyAI's protocol until the session is ready, then floods it."""

import asyncio
import base64
import json
import struct
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

MEGABYTE = 1_000_000
CAPTIONS = 60


def told(kind, **fields):
    return json.dumps({"type": kind, **fields})


def _many(filling, size):
    return '{"type":"x","x":[' + filling * (size // len(filling)) + "0]}"


async def _send_all(connection, messages):
    for message in messages:
        await connection.send(message)


async def one_huge_message(connection):
    await connection.send(_many("[],", 15 * MEGABYTE))


async def largest_messages_of_lists(connection):
    await _send_all(connection, [_many("[],", MEGABYTE)] * 20)


async def largest_messages_of_objects(connection):
    await _send_all(connection, [_many('{"":0},', MEGABYTE)] * 20)


async def as_many_values_as_may_be(connection):
    await _send_all(connection, [_many('{"":0},', 110_000)] * 200)


async def nested(connection):
    await _send_all(connection, ["[" * 30_000, '{"":' * 30_000, '{"type":"x","x":' + "[" * 30_000])


async def huge_captions(connection):
    for number in range(CAPTIONS):
        await connection.send(told("transcript.user", item_id=f"i{number}", text="u" * MEGABYTE))
        await connection.send(
            told("transcript.agent", reply_id=f"r{number}", text="\u20ac" * (MEGABYTE // 6))
        )


async def captions_piece_by_piece(connection):
    await connection.send(told("reply.started", reply_id="r"))
    for number in range(1000):
        piece = told("transcript.agent.delta", reply_id="r", delta="x" * 400, start_ms=number * 100)
        await connection.send(piece)


async def captions_to_be_kept(connection):
    for number in range(200):
        text = "\U0001f600" * 16_000
        await connection.send(told("transcript.user", item_id=f"k{number}", text=text))


async def huge_sound(connection):
    data = base64.b64encode(bytes(range(256)) * 2900).decode()
    for number in range(20):
        reply_id = f"s{number % 5}"
        await connection.send(told("reply.audio", reply_id=reply_id, data=data))


async def replies_without_end(connection):
    data = base64.b64encode(b"\1\1").decode()
    for number in range(5000):
        await connection.send(told("reply.audio", reply_id=f"e{number}", data=data))


async def calls_of_a_tool(connection):
    arguments = json.loads(_many('{"":0},', 50_000))
    for number in range(400):
        call = told("tool.call", call_id=f"c{number}", name="get_time", arguments=arguments)
        await connection.send(call)


async def calls_of_no_tool(connection):
    for number in range(5000):
        await connection.send(told("tool.call", call_id=f"n{number}", name="x" * 200, arguments={}))


async def somebody_who_begins_and_stops(connection):
    for _ in range(3000):
        await connection.send(told("input.speech.started"))
        await connection.send(told("input.speech.stopped"))


async def calls_that_are_talked_over(connection):
    for number in range(300):
        await connection.send(told("reply.started", reply_id=f"t{number}"))
        for call in range(10):
            call_id = f"t{number}.{call}"
            await connection.send(told("tool.call", call_id=call_id, name="get_time", arguments={}))
        await connection.send(told("reply.done", reply_id=f"t{number}", status="interrupted"))


async def errors(connection):
    for number in range(100):
        text = f"\x1b[2J\u202e{number}" + "e" * 10_000
        await connection.send(told("reply.error", reply_id=text[:200], code=text, message=text))


async def many_empty_fragments(connection):
    connection.transport.write(b"\x01\x00" + b"\x00\x00" * 2_000_000)
    await asyncio.sleep(0.5)


async def pings_whose_answers_it_does_not_read(connection):
    connection.transport.pause_reading()
    ping = struct.pack("!BB", 0x89, 125) + b"p" * 125
    for _ in range(150):
        if connection.transport.is_closing():
            return
        connection.transport.write(ping * 800)
        while connection.transport.get_write_buffer_size() > MEGABYTE:
            await asyncio.sleep(0.01)
            if connection.transport.is_closing():
                return


SCENARIOS = [
    one_huge_message,
    largest_messages_of_lists,
    largest_messages_of_objects,
    as_many_values_as_may_be,
    nested,
    huge_captions,
    captions_piece_by_piece,
    captions_to_be_kept,
    huge_sound,
    replies_without_end,
    calls_of_a_tool,
    calls_of_no_tool,
    somebody_who_begins_and_stops,
    calls_that_are_talked_over,
    errors,
    many_empty_fragments,
    pings_whose_answers_it_does_not_read,
]


class HostileAgent:
    """Does one scenario in each connection, in turn; then it is polite.

    Attributes:
        connections: How many there were.
        done: The scenarios that came to their end, or to that of their connection.
    """

    def __init__(self, scenarios=SCENARIOS):
        self.connections = 0
        self.done = []
        self._next = iter(scenarios)

    async def behave(self, connection):
        self.connections += 1
        async with asyncio.TaskGroup() as group:
            harming = None
            async for text in connection:
                kind = json.loads(text)["type"]
                if kind == "session.end":
                    await connection.send(told("session.ended"))
                    break
                if kind in ("session.update", "session.resume") and harming is None:
                    harming = group.create_task(self._harm(connection))
            if harming is not None:
                harming.cancel()

    async def _harm(self, connection):
        await connection.send(told("session.ready", session_id=f"s{len(self.done)}"))
        scenario = next(self._next, None)
        if scenario is None:
            return
        try:
            with suppress(ConnectionClosed):
                await scenario(connection)
                await asyncio.wait_for(await connection.ping(), 60)  # all of it was taken
        finally:
            self.done.append(scenario.__name__)
            connection.transport.abort()
