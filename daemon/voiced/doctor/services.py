"""Checks of the optional services: their libraries, the page's certificate, the broker."""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

from voiced.api.certificate import Certificate, UnusableError
from voiced.assembly.factory import link_options
from voiced.config.schema import DeviceSection, Settings
from voiced.config.schema_services import KioskSection, MetricsSection, MqttSection
from voiced.devices.network.link import LinkOptions
from voiced.doctor.finding import Finding, Result, ok, skip, warn
from voiced.errors import ConfigError, LinkError, LinkRejected
from voiced.lib.net_address import is_loopback

REACH_WITHIN_S = 5.0
LIBRARIES = {"page": "aiohttp", "figures": "prometheus_client", "broker": "aiomqtt"}
EXTRAS = {"figures": "metrics", "broker": "mqtt"}
SHARED = "set device.name: two devices with the same name share their topics"


async def check_outside(settings: Settings) -> AsyncIterator[Finding]:
    """Yield the findings for the page, the metrics and the broker, if the settings ask for them."""
    for check, section in (("page", settings.kiosk), ("figures", settings.metrics)):
        if section is None:
            yield skip(check, "not in the settings")
        else:
            yield (
                _missing(check)
                or _unfit(section)
                or ok(check, f"at {section.listen}, {_access(section.listen)}")
            )
    if settings.mqtt is None:
        yield skip("broker", "not in the settings")
    else:
        found = _missing("broker") or await _reach(settings.mqtt, link_options(settings))
        if found.result is Result.OK and settings.device == DeviceSection():
            found = warn("broker", f"{found.text}, but this device has the default name", SHARED)
        yield found


def _access(listen: str) -> str:
    is_here = is_loopback(listen.rpartition(":")[0])
    return "for this device only" if is_here else "for anyone with its token"


def _unfit(section: KioskSection | MetricsSection) -> Finding | None:
    """Return the problem of the page's certificate, if it has one."""
    if not isinstance(section, KioskSection) or section.certificate is None or section.key is None:
        return None
    try:
        Certificate(Path(section.certificate), Path(section.key), "kiosk.certificate").load()
    except UnusableError as error:
        return warn("page", str(error), "correct kiosk.certificate and kiosk.key")
    return None


def _missing(check: str) -> Finding | None:
    if find_spec(LIBRARIES[check]) is not None:
        return None
    fix = f"install 'voiced[{EXTRAS.get(check, check)}]', or run scripts/install again"
    return warn(check, f"the library {LIBRARIES[check]} is not installed", fix)


async def _reach(mqtt: MqttSection, link: LinkOptions) -> Finding:
    """Log in as the daemon does, but under another client id."""
    from voiced.doctor.broker import log_in  # needs a library that may be missing

    try:
        where = await log_in(mqtt, link, REACH_WITHIN_S)
    except LinkRejected as error:
        return warn("broker", error.reason, error.remedy or "correct the settings below mqtt")
    except LinkError as error:
        problem, _, fix = error.reason.partition("; ")
        return warn("broker", problem, fix or "check mqtt.host, mqtt.port and the network")
    except ConfigError as error:
        return warn("broker", f"{error.where}: {error.problem}", error.hint or "correct it")
    return ok("broker", where)
