"""What no single value shows: settings that contradict each other, the world, or this version."""

import ipaddress
import re
from base64 import b64decode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import SplitResult, parse_qs, urlsplit

from voiced.config.schema import Settings
from voiced.config.schema_services import KioskSection, MqttSection, RemoteSection
from voiced.config.schema_tools import TokenSection
from voiced.config.sending import names_in, permissions_of
from voiced.config.tool_rules import Look, lacking, misdeclared, without_effect
from voiced.config.yaml_document import Document, KeyPath
from voiced.errors import Problem
from voiced.lib.net_address import is_loopback
from voiced.lib.permissions import Permissions
from voiced.lib.printable import hidden
from voiced.lib.sections import suggestion


class AgentFacts(Protocol):
    """What settings are checked against: facts about an agent that its class knows."""

    takes_tools: bool
    session_permissions: Permissions
    default_url: str | None
    scheme: Literal["wss", "https"]

    @staticmethod
    def check_session(session: Mapping[str, Any]) -> Sequence[Problem]:
        """Return what is wrong with an `agent.session`."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What other rooms offer, as far as settings can name it.

    Attributes:
        protocols: Names of the agent protocols.
        tools: Names of the tools.
        agent_class: Returns the class that implements a protocol.
        check_declared: Tells what is wrong with declared tools.
        look_for: Tells what declared tools need that is not here.
    """

    protocols: Collection[str]
    tools: Collection[str]
    agent_class: Callable[[str], type[AgentFacts]]
    check_declared: Look = lambda _key, _value: ()
    look_for: Look = lambda _key, _value: ()


_PINS = (
    ("button", "pin"),
    ("buttons", "volume_up", "pin"),
    ("buttons", "volume_down", "pin"),
    ("buttons", "mute", "pin"),
    ("led", "pin"),
    ("led", "red"),
    ("led", "green"),
    ("led", "blue"),
)

PUBLIC_KEY_BYTES = 42
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_IN_CLEAR = {"wss": "ws", "https": "http"}


def contradictions(settings: Settings, document: Document, catalogue: Catalogue) -> list[Problem]:
    """Return what is wrong between settings that are each right by themselves."""
    return [
        *_agent(settings, catalogue),
        *misdeclared(settings, catalogue.tools, catalogue.check_declared),
        *_pins(settings),
        *_button(settings, document),
        *_led(settings),
        *_network(settings, catalogue),
        *_outside(settings),
    ]


def cautions(settings: Settings, document: Document, catalogue: Catalogue) -> Iterator[Problem]:
    """Yield what is allowed but has no effect, or not yet."""
    takes_tools = catalogue.agent_class(settings.agent.protocol).takes_tools
    yield from without_effect(settings, document, takes_tools)
    yield from lacking(settings, catalogue.look_for)
    if settings.agent.key is not None and settings.agent.token is not None:
        yield Problem(("agent", "key"), "has no effect together with agent.token", "remove it")
    if (
        settings.wake.mode == "button"
        and settings.button is None
        and ("wake", "mode") in document.places
    ):
        yield Problem(
            ("wake", "mode"), "there is no button", "write `button: {pin: 17}`, or use kill -USR1"
        )
    timeout: KeyPath = ("wake", "idle_timeout_s")
    if settings.wake.mode == "always" and timeout in document.places:
        yield Problem(timeout, "has no effect with `wake.mode: always`", "remove it")
    mqtt = settings.mqtt
    if mqtt is not None and not mqtt.tls and not is_loopback(mqtt.host):
        problem = "anyone on the network can read and send what goes to the broker"
        yield Problem(("mqtt", "tls"), problem, "give the broker a certificate")


def _agent(settings: Settings, catalogue: Catalogue) -> Iterator[Problem]:
    agent = settings.agent
    if agent.protocol not in catalogue.protocols:
        unknown = "unknown protocol", suggestion(agent.protocol, catalogue.protocols)
        yield Problem(("agent", "protocol"), *(hidden(agent.protocol) or unknown))
        return
    kind = catalogue.agent_class(agent.protocol)
    url = agent.url or kind.default_url
    if url is None:
        missing = f"{agent.protocol} has no address of its own: agent.url is missing"
        yield Problem(("agent", "protocol"), missing, "write `url: https://…` below it")
        return
    if url.partition(":")[0] not in {kind.scheme, _IN_CLEAR[kind.scheme]}:
        wrong = f"{agent.protocol} needs an address that begins with {kind.scheme}://"
        yield Problem(("agent", "url"), wrong, "correct it")
        return
    yield from _address(("agent", "url"), url)
    if agent.token is not None:
        yield from _token(agent.token, catalogue)
    elif agent.key is None and not _is_loopback(url):
        yield Problem(("agent", "key"), "missing", "write `key: {credential: api-key}`")
    elif agent.key is None and agent.auth == "token":
        yield Problem(
            ("agent", "auth"), "a key is needed to fetch a token", "set agent.key, or remove it"
        )
    for problem in kind.check_session(agent.session):
        path = ("agent", "session", *problem.path)
        yield Problem(path, problem.problem, problem.hint)


def _token(declared: TokenSection, catalogue: Catalogue) -> Iterator[Problem]:
    path: KeyPath = ("agent", "token")
    problems = catalogue.check_declared("agent.token", declared)
    yield from (Problem((*path, *each.path), each.problem, each.hint) for each in problems)
    if not problems and declared.url is not None:
        yield from _address((*path, "url"), declared.url)


def _pins(settings: Settings) -> Iterator[Problem]:
    taken: dict[int, str] = {}
    for path in _PINS:
        pin: Any = settings
        for key in path:
            pin = getattr(pin, key, None)
        if pin in taken:
            yield Problem(path, f"pin {pin} is {taken[pin]} already", "use another pin")
        elif pin is not None:
            taken[pin] = ".".join(path)


def _button(settings: Settings, document: Document) -> Iterator[Problem]:
    button = settings.button
    if button is None:
        if settings.wake.mode == "hold_to_talk":
            yield Problem(("wake", "mode"), "there is no button", "write `button: {pin: 17}`")
        return
    hold: KeyPath = ("button", "hold")
    if settings.wake.mode == "hold_to_talk":
        if hold in document.places and button.hold != "none":
            yield Problem(
                hold,
                "has no effect with `wake.mode: hold_to_talk`: holding the button talks",
                "remove it",
            )
    elif button.hold == button.press:
        yield Problem(hold, "does the same as button.press", "choose another, or none")
    double: KeyPath = ("button", "double")
    if button.double != "none" and settings.wake.mode == "hold_to_talk":
        yield Problem(
            double,
            "has no effect with `wake.mode: hold_to_talk`: holding the button talks",
            "remove it",
        )
    elif button.double != "none" and button.double in (button.press, button.hold):
        yield Problem(double, "does the same as another gesture", "choose another, or none")


def _led(settings: Settings) -> Iterator[Problem]:
    led = settings.led
    if led is None:
        return
    colours = [led.red, led.green, led.blue]
    n_colours = sum(pin is not None for pin in colours)
    if led.pin is not None and n_colours:
        yield Problem(("led",), "has both one pin and pins for colours", "keep one or the other")
    elif led.pin is None and n_colours < len(colours):
        yield Problem(("led",), "needs `pin`, or all of `red`, `green` and `blue`", "add them")


def _network(settings: Settings, catalogue: Catalogue) -> Iterator[Problem]:
    network = settings.network
    if network.replay_s > network.resume_window_s:
        problem = f"longer than network.resume_window_s ({network.resume_window_s:g} s)"
        yield Problem(("network", "replay_s"), problem, "make it shorter")
    if _holds_secret(network.proxy):
        hint = "set HTTPS_PROXY for the service and write `proxy: auto`"
        yield Problem(("network", "proxy"), "contains a user name, password or token", hint)
    if settings.remote is not None:
        yield from _remote(settings.remote)
        yield from _allowed(settings, settings.remote, catalogue)


def _remote(remote: RemoteSection) -> Iterator[Problem]:
    yield from _address(("remote", "url"), remote.url)
    unknown = {*_PLACEHOLDER.findall(remote.url)} - {"name", "serial"}
    if unknown:
        yield Problem(("remote", "url"), "an unknown placeholder", "use {name} or {serial}")
    if remote.public_key is not None and not _is_public_key(remote.public_key):
        hint = "copy the second line of the .pub file that `minisign -G` made"
        yield Problem(("remote", "public_key"), "not a public key of minisign", hint)


def _allowed(settings: Settings, remote: RemoteSection, catalogue: Catalogue) -> Iterator[Problem]:
    if not remote.allow or settings.agent.protocol not in catalogue.protocols:
        return
    session = catalogue.agent_class(settings.agent.protocol).session_permissions
    names = names_in(permissions_of(session))
    for i, name in enumerate(remote.allow):
        if name not in names:
            yield Problem(("remote", "allow", i), "no such setting", "config/README.md lists them")


def _outside(settings: Settings) -> Iterator[Problem]:
    kiosk, metrics, mqtt = settings.kiosk, settings.metrics, settings.mqtt
    for name, section in (("kiosk", kiosk), ("metrics", metrics)):
        if section is not None and not 0 < int(section.listen.rpartition(":")[2]) < 65_536:  # noqa: PLR2004
            yield Problem((name, "listen"), "no such port", "choose one from 1 to 65535")
    if kiosk is not None and metrics is not None and kiosk.listen == metrics.listen:
        yield Problem(("metrics", "listen"), "the page is served there", "choose another port")
    if metrics is not None and metrics.token is None and not _is_loopback(f"//{metrics.listen}"):
        hint = "write `token: {file: PATH}`, or listen at 127.0.0.1"
        yield Problem(("metrics", "listen"), "open to the network without a token", hint)
    if kiosk is not None:
        yield from _page(kiosk)
    if metrics is not None and metrics.token is None and metrics.names:
        hint = "write `token: {file: PATH}`, or remove it"
        yield Problem(
            ("metrics", "names"), "only other devices use these, and they need a token", hint
        )
    if mqtt is not None:
        yield from _broker(mqtt)
    for name, section in (("kiosk", kiosk), ("metrics", metrics)):
        for i, host in enumerate(section.names if section is not None else ()):
            if _holds_port(host):
                yield Problem((name, "names", i), "contains a port", "write the name alone")


def _broker(mqtt: MqttSection) -> Iterator[Problem]:
    if _holds_port(mqtt.host):
        hint = "write the name alone, and the port as `port:` below it"
        yield Problem(("mqtt", "host"), "contains a port", hint)
    if mqtt.ca_file is not None and not mqtt.tls:
        yield Problem(("mqtt", "ca_file"), "has no effect without tls", "remove it")
    for key in ("certificate", "key"):
        if getattr(mqtt, key) is not None and not mqtt.tls:
            yield Problem(("mqtt", key), "has no effect without tls", "remove it")
    if (mqtt.certificate is None) != (mqtt.key is None):
        key = "key" if mqtt.key is None else "certificate"
        yield Problem(("mqtt", key), "missing", "a client needs both certificate and key")
    if mqtt.password is not None and mqtt.username is None:
        yield Problem(("mqtt", "password"), "has no user name", "set mqtt.username as well")


def _holds_port(host: str) -> bool:
    """Tell whether a host's name or IPv4 address is followed by a port; an IPv6 address has more colons."""
    return host.count(":") == 1


def _page(kiosk: KioskSection) -> Iterator[Problem]:
    if (kiosk.certificate is None) != (kiosk.key is None):
        key = "key" if kiosk.key is None else "certificate"
        yield Problem(("kiosk", key), "missing", "TLS needs both certificate and key")
    for i, name in enumerate(kiosk.trusted_proxy):
        try:
            network = ipaddress.ip_network(name, strict=False)
        except ValueError:
            yield Problem(
                ("kiosk", "trusted_proxy", i), "not an address or a network", "correct it"
            )
            continue
        if network.prefixlen == 0:
            problem = "anyone could claim to be anyone"
            yield Problem(("kiosk", "trusted_proxy", i), problem, "name the proxy's own address")


def _is_public_key(text: str) -> bool:
    try:
        content = b64decode(text, validate=True)
    except ValueError:
        return False
    return len(content) == PUBLIC_KEY_BYTES and content.startswith(b"Ed")


def _address(path: KeyPath, url: str) -> Iterator[Problem]:
    scheme = url.partition(":")[0]
    if not _split(url).hostname:
        yield Problem(path, "not an address", f"write {scheme}://host/path")
    elif scheme in {"ws", "http"} and not _is_loopback(url):
        hint = f"write {scheme}s://; {scheme}:// is for this machine only"
        yield Problem(path, "not encrypted", hint)
    elif _holds_secret(url):
        yield Problem(path, "contains a user name, password or token", "take it out of the address")


def _is_loopback(url: str) -> bool:
    return is_loopback(_split(url).hostname or "")


def _holds_secret(url: str) -> bool:
    parts = _split(url)
    return "@" in parts.netloc or "token" in parse_qs(parts.query)


def _split(url: str) -> SplitResult:
    """Return the parts of `url`; they are empty if it is not one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts
