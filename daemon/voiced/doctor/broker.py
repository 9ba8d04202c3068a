"""A test login at the MQTT broker, with the user and password of the settings."""

import asyncio
from secrets import token_hex

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from voiced.config.schema_services import MqttSection
from voiced.config.secret import TEXT
from voiced.devices.network.connector import Connector
from voiced.devices.network.diagnosis import no_answer
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.mqtt_socket import (
    HUNG_UP,
    Client,
    Opener,
    broker_of,
    identity_of,
    is_too_new,
    why_refused,
)
from voiced.errors import LinkError

_NAMES = {aiomqtt.ProtocolVersion.V5: "MQTT 5", aiomqtt.ProtocolVersion.V311: "MQTT 3.1.1"}


async def log_in(mqtt: MqttSection, link: LinkOptions, within_s: float) -> str:
    """Log in and out again; return a description of the login.

    Raises:
        LinkError: If the broker cannot be reached, or refuses us.
        ConfigError: If the password cannot be read.
    """
    broker = broker_of(mqtt)
    opener = Opener(broker, mqtt.ca_file, Connector(link), identity_of(mqtt))
    password = mqtt.password and mqtt.password.resolve(TEXT)
    user = "without a user" if mqtt.username is None else f"as {mqtt.username}"
    failure = LinkError(f"{broker} {HUNG_UP} instead of accepting the connection")
    for protocol, name in _NAMES.items():
        client = Client(
            await opener.open(),
            broker,
            # Not the daemon's id: a broker disconnects the older client of the same id.
            identifier=f"voiced-doctor-{token_hex(4)}",
            username=mqtt.username,
            password=password,
            protocol=protocol,
            **({"clean_start": True} if name == "MQTT 5" else {"clean_session": True}),
        )
        try:
            async with asyncio.timeout(within_s), client:
                return f"{broker} accepts us {user}, by {name}"
        except TimeoutError:
            raise no_answer(str(broker), within_s) from None
        except MqttConnectError as refusal:
            if not is_too_new(refusal):
                raise why_refused(refusal, broker, mqtt.username) from None
        except aiomqtt.MqttError:
            if not client.fault:
                raise no_answer(str(broker), within_s) from None
            failure = LinkError(f"{broker} {client.fault} instead of accepting the connection")
            if client.fault != HUNG_UP:
                raise failure from None
        finally:
            client.cut()
    raise failure
