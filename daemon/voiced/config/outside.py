"""The settings of what faces the outside: servers, screens, monitors, smart homes; see `schema`."""

from typing import Annotated, Literal

import msgspec

from voiced.config.kinds import (
    AbsolutePath,
    HostName,
    HttpUrl,
    Listen,
    PublicKey,
    Reference,
    Section,
    SettingName,
    Topic,
    expect,
    live,
    restart,
)
from voiced.config.secret import Secret


class RemoteSection(Section, frozen=True, kw_only=True):
    """Settings fetched from a server, laid over those of this file."""

    url: Annotated[
        HttpUrl,
        live(
            "Where they are; {name} and {serial} stand for this device's. http:// is for this "
            "machine only.",
            "https://config.example.org/voiced.yaml",
            local=True,
        ),
    ]
    interval_s: Annotated[
        Annotated[float, msgspec.Meta(ge=5, le=86_400)],
        live("How often to ask whether they have changed, 20 % more or less.", local=True),
    ] = 300.0
    public_key: Annotated[
        PublicKey | None,
        live(
            "Whose minisign signature they must carry, found at the same address with .minisig.",
            "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
            local=True,
        ),
    ] = None
    ca_file: Annotated[
        AbsolutePath | None,
        live(
            "Certificates to trust for that address besides the system's own (PEM).",
            "/etc/voiced/ca.pem",
            local=True,
        ),
    ] = None
    trial_s: Annotated[
        Annotated[float, msgspec.Meta(ge=5, le=3600)],
        live("How long new ones must work before they are kept.", local=True),
    ] = 120.0
    allow: Annotated[
        Annotated[tuple[SettingName, ...], expect("a list of names like agent.url")],
        live("Settings that the server may change though only this file should.", local=True),
    ] = ()


UNTOLD = "none"
"""What `mqtt.discovery` is where Home Assistant is to be told nothing."""


class KioskSection(Section, frozen=True, kw_only=True):
    """The page for a screen."""

    listen: Annotated[
        Listen,
        restart(
            "Address and port to serve it at; other devices see it only at an address of the "
            "network, like 0.0.0.0:8080, and with the link that `voiced kiosk` shows.",
            local=True,
        ),
    ] = "127.0.0.1:8080"
    names: Annotated[
        Annotated[tuple[HostName, ...], expect("a list of host names")],
        restart(
            "Names that browsers may call this device by, besides its host name and addresses.",
            ("kiosk.example.org",),
            local=True,
        ),
    ] = ()
    settings: Annotated[
        bool,
        restart(
            "Whoever stands before the screen may change voice, prompt and greeting.", local=True
        ),
    ] = False


class PrivacySection(Section, frozen=True, kw_only=True):
    """What is said, and who may read it."""

    captions: Annotated[
        Literal["nobody", "device", "network"],
        live(
            "Who may read along on the page: nobody, who is at the device's own screen, or who "
            "has the link as well. Nothing of it is kept.",
            local=True,
        ),
    ] = "device"
    transcripts: Annotated[
        bool,
        live("Hold what is said in memory, for `voiced transcript`; never on a disk.", local=True),
    ] = False
    transcript_lines: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10_000)],
        live("How many of them; older ones are forgotten.", local=True),
    ] = 200


class MetricsSection(Section, frozen=True, kw_only=True):
    """Health at /healthz and figures for Prometheus at /metrics; nothing of what is said."""

    listen: Annotated[Listen, restart("Address and port to serve them at.", local=True)] = (
        "127.0.0.1:9464"
    )
    token: Annotated[
        Reference | None,
        restart(
            "What Prometheus shows as `authorization: credentials`; needed at an address of the network.",
            Secret("file", "/etc/voiced/metrics.token"),
            local=True,
        ),
    ] = None


class MqttSection(Section, frozen=True, kw_only=True):
    """A broker, through which Home Assistant shows and steers this device."""

    host: Annotated[HostName, restart("Name or address of the broker.", "broker.local", local=True)]
    port: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None,
        restart("Its port, if not 8883 with TLS and 1883 without.", 8883, local=True),
    ] = None
    tls: Annotated[bool, restart("Encrypt, and check who the broker is.", local=True)] = True
    ca_file: Annotated[
        AbsolutePath | None,
        restart(
            "Certificates to trust besides the system's own (PEM).",
            "/etc/voiced/ca.pem",
            local=True,
        ),
    ] = None
    username: Annotated[
        Annotated[str, expect("a user name", min_length=1, max_length=255)] | None,
        restart("Who to be there.", "voiced", local=True),
    ] = None
    password: Annotated[
        Reference | None,
        restart(
            "Where to find the password.", Secret("file", "/etc/voiced/mqtt.password"), local=True
        ),
    ] = None
    prefix: Annotated[
        Topic, restart("Its topics begin with this and the device's name.", local=True)
    ] = "voiced"
    discovery: Annotated[
        Topic,
        restart("Where Home Assistant looks for new devices; none tells it nothing.", local=True),
    ] = "homeassistant"
