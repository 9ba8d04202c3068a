"""The settings of what faces the outside: servers, screens, monitors, smart homes; see `schema`."""

from typing import Annotated, Literal

import msgspec

from voiced.config.secret import Secret
from voiced.config.types import (
    AbsolutePath,
    HostName,
    HttpUrl,
    Listen,
    Network,
    PublicKey,
    Reference,
    SettingName,
    Topic,
    live,
    restart,
)
from voiced.lib.permissions import owner
from voiced.lib.sections import Section, expect


class RemoteSection(Section, frozen=True, kw_only=True):
    """Settings fetched from a server, laid over those of this file."""

    url: Annotated[
        HttpUrl,
        live(
            "Address of the settings; {name} and {serial} stand for those of this device. http:// is "
            "for this machine only.",
            owner("hand the device over to another server"),
            "https://config.example.org/voiced.yaml",
        ),
    ]
    interval_s: Annotated[
        Annotated[float, msgspec.Meta(ge=5, le=86_400)],
        live(
            "How often to ask whether the settings have changed, give or take 20 %.",
            owner("have the device ask for settings once a day or all the time"),
        ),
    ] = 300.0
    public_key: Annotated[
        PublicKey | None,
        live(
            "The minisign key that must have signed the settings. The signature is at the same address "
            "with .minisig; its trusted comment names the revision.",
            owner("have the device trust settings that someone else signed"),
            "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
        ),
    ] = None
    ca_file: Annotated[
        AbsolutePath | None,
        live(
            "Certificates to trust for that address besides the system's own (PEM).",
            owner("have another server trusted in its place"),
            "/etc/voiced/ca.pem",
        ),
    ] = None
    trial_s: Annotated[
        Annotated[float, msgspec.Meta(ge=5, le=3600)],
        live(
            "How long new settings must work before they are kept.",
            owner("have settings kept after hardly any trial"),
        ),
    ] = 120.0
    allow: Annotated[
        Annotated[tuple[SettingName, ...], expect("a list of names like agent.url")],
        live(
            "Settings that the server may change although normally only this file may.",
            owner("give itself every other permission"),
        ),
    ] = ()


UNTOLD = "none"
"""What `mqtt.discovery` is where Home Assistant is to be told nothing."""


class KioskSection(Section, frozen=True, kw_only=True):
    """The page for a screen."""

    listen: Annotated[
        Listen,
        restart(
            "Address and port to serve the page at. Other devices can open it only at a network "
            "address, like 0.0.0.0:8080, and with the link that `voiced kiosk` shows.",
            owner("open the page to the whole network"),
        ),
    ] = "127.0.0.1:8080"
    names: Annotated[
        Annotated[tuple[HostName, ...], expect("a list of host names")],
        restart(
            "More names under which browsers may open the page, besides host name and addresses. If "
            "one leads to a proxy on this device, the device's own screen needs the link as well, "
            "unless trusted_proxy names that proxy.",
            owner("have the page answer to names of its choice"),
            ("kiosk.example.org",),
        ),
    ] = ()
    trusted_proxy: Annotated[
        Annotated[tuple[Network, ...], expect("a list of addresses or networks")],
        restart(
            "Addresses of the proxies in front of the page. Their Forwarded or X-Forwarded-For header "
            "says who the visitor is; a visitor through a proxy never counts as this device.",
            owner("let strangers pass for other visitors"),
            ("127.0.0.1",),
        ),
    ] = ()
    certificate: Annotated[
        AbsolutePath | None,
        restart(
            "A certificate with its chain (PEM), to serve the page over TLS; read again when it "
            "changes. Browsers on this device may do without TLS.",
            owner("have the page shown under a certificate of its choice"),
            "/etc/voiced/page.pem",
        ),
    ] = None
    key: Annotated[
        AbsolutePath | None,
        restart(
            "The key of that certificate (PEM).",
            owner("have the page use another file as its key"),
            "/etc/voiced/page.key",
        ),
    ] = None
    settings: Annotated[
        bool,
        restart(
            "Anyone at the screen may change the agent's voice, prompt and greeting.",
            owner("let everybody at the page change voice, prompt and greeting"),
        ),
    ] = False


class PrivacySection(Section, frozen=True, kw_only=True):
    """What is said, and who may read it."""

    captions: Annotated[
        Literal["nobody", "device", "network"],
        live(
            "Who may read along on the page: nobody, only the device's own screen, or also anyone "
            "with the link. Nothing is kept.",
            owner("let more people read along", harmless=("nobody",)),
        ),
    ] = "device"
    transcripts: Annotated[
        bool,
        live(
            "Keep what is said in memory, for `voiced transcript`; never on disk.",
            owner("have what is said kept in memory", harmless=(False,)),
        ),
    ] = False
    transcript_lines: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10_000)],
        live(
            "How many lines to keep; older ones are dropped.",
            owner("have more of what is said kept in memory"),
        ),
    ] = 200


class MetricsSection(Section, frozen=True, kw_only=True):
    """Health at /healthz and metrics for Prometheus at /metrics; no words of a conversation."""

    listen: Annotated[
        Listen,
        restart(
            "Address and port to serve the metrics at.",
            owner("open the metrics to the whole network"),
        ),
    ] = "127.0.0.1:9464"
    names: Annotated[
        Annotated[tuple[HostName, ...], expect("a list of host names")],
        restart(
            "More names under which the metrics may be read, besides host name and addresses; "
            "reading them this way needs the token.",
            owner("have the metrics answer to names of its choice"),
            ("lobby.example.org",),
        ),
    ] = ()
    token: Annotated[
        Reference | None,
        restart(
            "The token that Prometheus sends as `authorization: credentials`; needed at a network "
            "address.",
            owner("have any file or variable of the service compared with what strangers guess"),
            Secret("file", "/etc/voiced/metrics.token"),
        ),
    ] = None


class MqttSection(Section, frozen=True, kw_only=True):
    """A broker, through which Home Assistant shows and controls this device."""

    host: Annotated[
        HostName,
        restart(
            "Name or address of the broker.",
            owner("have any broker watch and control the device"),
            "broker.local",
        ),
    ]
    port: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None,
        restart(
            "Port of the broker. Default: 8883 with TLS, 1883 without.",
            owner("have any program at the broker watch and control the device"),
            8883,
        ),
    ] = None
    tls: Annotated[
        bool,
        restart(
            "Encrypt, and check the broker's certificate.",
            owner("have what goes to the broker sent in clear, with the password"),
        ),
    ] = True
    ca_file: Annotated[
        AbsolutePath | None,
        restart(
            "Certificates to trust besides the system's own (PEM).",
            owner("have another broker trusted in its place"),
            "/etc/voiced/ca.pem",
        ),
    ] = None
    certificate: Annotated[
        AbsolutePath | None,
        restart(
            "A certificate with its chain (PEM), for brokers that ask for one.",
            owner("have another certificate shown to the broker"),
            "/etc/voiced/mqtt.pem",
        ),
    ] = None
    key: Annotated[
        AbsolutePath | None,
        restart(
            "The key of that certificate (PEM, without a password).",
            owner("have another file used as the key of that certificate"),
            "/etc/voiced/mqtt.key",
        ),
    ] = None
    username: Annotated[
        Annotated[str, expect("a user name", min_length=1, max_length=255)] | None,
        restart(
            "The user name for the broker.",
            owner("have the device log in to the broker as someone else"),
            "voiced",
        ),
    ] = None
    password: Annotated[
        Reference | None,
        restart(
            "Where to find the password.",
            owner("have any file or variable of the service sent to the broker as its password"),
            Secret("file", "/etc/voiced/mqtt.password"),
        ),
    ] = None
    prefix: Annotated[
        Topic,
        restart(
            "Topics begin with this and the device's name.",
            owner("have the device answer to topics of its choice"),
        ),
    ] = "voiced"
    discovery: Annotated[
        Topic,
        restart(
            "Where Home Assistant looks for new devices; none turns this off.",
            owner("have the device announce itself elsewhere at the broker"),
        ),
    ] = "homeassistant"
    unmute: Annotated[
        bool,
        restart(
            "Let others at the broker switch the microphone on again; by default only a person at the device can.",
            owner("let anyone at the broker switch the microphone on again"),
        ),
    ] = False
