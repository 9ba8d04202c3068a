"""What faces the outside: whether its libraries are there, and whether the broker can be reached."""

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec

from voiced.config.outside import MqttSection
from voiced.config.schema import Settings
from voiced.doctor.finding import Finding, ok, skip, warn
from voiced.host.visitors import is_loopback

REACH_WITHIN_S = 5.0
LIBRARIES = {"page": "aiohttp", "figures": "prometheus_client", "broker": "aiomqtt"}
EXTRAS = {"figures": "metrics", "broker": "mqtt"}


async def check_outside(settings: Settings) -> AsyncIterator[Finding]:
    """Tell of the page, the figures and the broker, as far as the settings ask for them."""
    for check, section in (("page", settings.kiosk), ("figures", settings.metrics)):
        if section is None:
            yield skip(check, "not asked for")
        else:
            yield _missing(check) or ok(check, f"at {section.listen}, {_for_whom(section.listen)}")
    if settings.mqtt is None:
        yield skip("broker", "not asked for")
    else:
        yield _missing("broker") or await _reach(settings.mqtt)


def _for_whom(listen: str) -> str:
    is_here = is_loopback(listen.rpartition(":")[0])
    return "for this device only" if is_here else "for whoever shows its token"


def _missing(check: str) -> Finding | None:
    if find_spec(LIBRARIES[check]) is not None:
        return None
    fix = f"install 'voiced[{EXTRAS.get(check, check)}]', or run scripts/install again"
    return warn(check, f"the library {LIBRARIES[check]} is not installed", fix)


async def _reach(mqtt: MqttSection) -> Finding:
    port = mqtt.port or (8883 if mqtt.tls else 1883)
    where = f"{mqtt.host}:{port}"
    try:
        async with asyncio.timeout(REACH_WITHIN_S):
            _, writer = await asyncio.open_connection(mqtt.host, port)
    except TimeoutError:
        return warn("broker", f"{where} does not answer", "is mqtt.host right, and the port open?")
    except OSError as error:
        reason = error.strerror or str(error)
        return warn("broker", f"{where} cannot be reached: {reason}", "does the broker run?")
    writer.close()
    return ok("broker", f"{where} takes connections")
