"""How fast a core of the virtual Pi is just now, by a piece of work known from elsewhere."""

from statistics import mean

# Seconds on an idle host: 300,000 rounds of a plain loop, 2,000 pieces of sound as base64 in JSON
# and back. From ten times as much work, measured when the virtual Pi was planned.
NOMINAL_S = {"3.11": (0.40, 0.265), "3.13": (0.46, 0.24)}

WORK = """
import base64, json, sys, time
def timed(work):
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s
def loop():
    total = 0
    for i in range(300_000):
        total += i * 3 ^ (i >> 2)
def wire():
    pcm = bytes(range(256)) * 5
    for i in range(2_000):
        audio = base64.b64encode(pcm).decode()
        text = json.dumps({"type": "input_audio_buffer.append", "audio": audio, "n": i})
        base64.b64decode(json.loads(text)["audio"])
print("%d.%d" % sys.version_info[:2], timed(loop), timed(wire))
"""


def slowness(guest) -> float:
    """Return how much longer a known piece of work takes in `guest` now than on an idle host."""
    version, *taken_s = guest("python3 -", stdin=WORK.encode()).split()
    nominal_s = NOMINAL_S[version]
    return mean(float(taken) / nominal for taken, nominal in zip(taken_s, nominal_s, strict=True))
