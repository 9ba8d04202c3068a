"""The doctor logs in to the broker as the daemon would (doctor/broker.py)."""

import pytest

from tests.wire.broker import broker, packet
from tests.wire.peers import leaving_nothing, tcp_server
from voiced.config.schema import DeviceSection, Settings
from voiced.config.schema_services import MqttSection
from voiced.config.secret import Secret
from voiced.doctor.services import check_outside

pytestmark = pytest.mark.real_time

PASSWORD = "zwei Wörter"


async def found(port, name="kitchen", **section):
    mqtt = MqttSection(**{"host": "127.0.0.1", "port": port, "tls": False} | section)
    settings = Settings(device=DeviceSection(name=name), mqtt=mqtt)
    async with leaving_nothing():
        [finding] = [each async for each in check_outside(settings) if each.check == "broker"]
    return finding.result.value, finding.text, finding.fix


@pytest.mark.parametrize(
    ("user", "password", "result", "text"),
    [
        ("kitchen", PASSWORD, "ok", "{here} accepts us as kitchen, by MQTT 5"),
        ("kitchen", "other", "warn", "the broker refuses user kitchen"),
        ("nobody", PASSWORD, "warn", "the broker refuses user nobody"),
        (None, None, "warn", "the broker requires a user name"),
        ("kitchen", "", "warn", "mqtt.password: {{file: {file}}} is empty"),
    ],
)
async def test_the_login_is_tried(tmp_path, unused_port, user, password, result, text):
    file, section = tmp_path / "password", {"username": user}
    if password is not None:
        file.write_text(password + "\n")
        section["password"] = Secret("file", str(file), "mqtt.password")
    async with broker(tmp_path, unused_port, users={"kitchen": PASSWORD}):
        seen = await found(unused_port, **section)
    assert seen[:2] == (result, text.format(here=f"127.0.0.1:{unused_port}", file=file))
    assert (result == "ok") == (not seen[2])


async def test_a_broker_of_the_old_version_is_told(tmp_path):
    async def talk(reader, writer):
        if (await packet(reader))[6] == 4:
            writer.write(b"\x20\x02\x00\x00")
            await reader.read()

    async with tcp_server(talk) as port:
        text = f"127.0.0.1:{port} accepts us without a user, by MQTT 3.1.1"
        assert await found(port) == ("ok", text, "")


async def test_a_broker_that_hangs_up_is_told():
    async def talk(reader, writer):
        await packet(reader)

    async with tcp_server(talk) as port:
        assert (await found(port))[:2] == (
            "warn",
            f"127.0.0.1:{port} hung up instead of accepting the connection",
        )


async def test_a_device_of_the_default_name_is_told_of_what_may_come(tmp_path, unused_port):
    async with broker(tmp_path, unused_port):
        result, text, fix = await found(unused_port, name="voiced")
    assert (result, fix) == (
        "warn",
        "set device.name: two devices with the same name share their topics",
    )
    assert text.endswith("but this device has the default name")
