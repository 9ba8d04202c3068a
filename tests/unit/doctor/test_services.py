"""What the doctor tells of the page, the figures and the broker (doctor/services.py)."""

import socket

import pytest

from voiced.config.schema import Settings
from voiced.config.schema_services import KioskSection, MetricsSection, MqttSection
from voiced.doctor.services import check_outside

pytestmark = pytest.mark.real_time


async def told(**sections):
    found = [each async for each in check_outside(Settings(**sections))]
    return {each.check: (each.result.value, each.text) for each in found}


async def test_what_nobody_asks_for_is_not_looked_at():
    assert await told() == dict.fromkeys(
        ("page", "figures", "broker"), ("skip", "not in the settings")
    )


async def test_it_is_told_where_they_are_and_for_whom():
    found = await told(
        kiosk=KioskSection(listen="0.0.0.0:8080"), metrics=MetricsSection(listen="127.0.0.1:9464")
    )
    assert found["page"] == ("ok", "at 0.0.0.0:8080, for anyone with its token")
    assert found["figures"] == ("ok", "at 127.0.0.1:9464, for this device only")


async def test_a_broker_that_is_not_reached_is_told():
    with socket.create_server(("127.0.0.1", 0)) as broker:
        port = broker.getsockname()[1]
    result, text = (await told(mqtt=MqttSection(host="127.0.0.1", port=port, tls=False)))["broker"]
    assert (result, text) == ("warn", f"127.0.0.1:{port} refused the connection")
