"""What the arithmetic costs: CPU time per second of sound, on one thread, no devices."""

import base64
import json
import time
from collections.abc import Callable

import numpy as np

from scripts.benchmarks.table import Row
from voiced.agents import AGENTS
from voiced.agents.codec import AgentSettings
from voiced.audio.resample import Resampler
from voiced.core.pcm import PcmFormat
from voiced.lib.registry import load

UP_MS = 20  # a capture period
DOWN_MS = 10  # what the live service sends at a time
CONVERSIONS = (
    (16_000, 24_000, UP_MS),
    (24_000, 16_000, DOWN_MS),
    (24_000, 48_000, DOWN_MS),
    (48_000, 24_000, UP_MS),
    (44_100, 24_000, UP_MS),
)
WIRE = PcmFormat(24_000)
ROUNDS = 3


def measure(sound_s: float) -> list[Row]:
    """Return a row for each resampling and each direction of the codec."""
    rows = [_resampling(*conversion, sound_s) for conversion in CONVERSIONS]
    return [*rows, _encoding(sound_s), _decoding(sound_s)]


def _resampling(source_hz: int, target_hz: int, chunk_ms: int, sound_s: float) -> Row:
    chunk = _noise(PcmFormat(source_hz).bytes_in(chunk_ms))
    resampler = Resampler(source_hz, target_hz)
    row = _row(f"resample {source_hz / 1000:g}→{target_hz / 1000:g} kHz, {chunk_ms} ms")
    row.figures["wav"] = _cost(lambda: resampler.process(chunk), chunk_ms, sound_s)
    return row


def _encoding(sound_s: float) -> Row:
    codec = load(AGENTS, "assemblyai", "")(AgentSettings(url="ws://localhost")).codec(None)
    chunk = _noise(WIRE.bytes_in(UP_MS))
    row = _row("encode input.audio, 20 ms")
    row.figures["wav"] = _cost(lambda: codec.encode_audio(chunk), UP_MS, sound_s)
    row.figures["baseline wav"] = _cost(
        lambda: json.dumps({"type": "input.audio", "audio": base64.b64encode(chunk).decode()}),
        UP_MS,
        sound_s,
    )
    return row


def _decoding(sound_s: float) -> Row:
    codec = load(AGENTS, "assemblyai", "")(AgentSettings(url="ws://localhost")).codec(None)
    codec.receive('{"type": "reply.started", "reply_id": "resp_1"}', 0.0)
    sound = base64.b64encode(_noise(WIRE.bytes_in(DOWN_MS))).decode()
    message = json.dumps({"type": "reply.audio", "reply_id": "resp_1", "data": sound})
    row = _row("decode reply.audio, 10 ms")
    row.figures["wav"] = _cost(lambda: codec.receive(message, 0.0), DOWN_MS, sound_s)
    row.figures["baseline wav"] = _cost(
        lambda: base64.b64decode(json.loads(message)["data"]), DOWN_MS, sound_s
    )
    return row


def _row(what: str) -> Row:
    return Row(f"{what}: CPU µs per s of sound", ("µs",), digits=0)


def _cost(work: Callable[[], object], chunk_ms: int, sound_s: float) -> dict[str, float]:
    """Return the cost of the quickest round: the least disturbed one."""
    n_chunks = int(sound_s * 1000 / chunk_ms)
    costs_s = []
    for _ in range(ROUNDS):
        began_s = time.thread_time()
        for _ in range(n_chunks):
            work()
        costs_s.append(time.thread_time() - began_s)
    return {"µs": min(costs_s) / (n_chunks * chunk_ms / 1000) * 1e6}


def _noise(n_bytes: int) -> bytes:
    samples = np.random.default_rng(1).integers(-8000, 8000, n_bytes // 2)
    return samples.astype("<i2").tobytes()
