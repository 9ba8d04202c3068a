"""What the settings become."""

import pytest

from voiced.assembly.factory import Extras, agent_settings, assemble, policy, sound_settings
from voiced.assembly.tools import built_in_tools
from voiced.config import schema
from voiced.config.schema_sound import PlaybackSection
from voiced.config.secret import Secret
from voiced.errors import ConfigError
from voiced.runtime.always_on import AlwaysAwake
from voiced.tools import TOOLS


def test_the_idle_timeout_is_the_policys_unless_a_conversation_is_kept_open():
    wake = schema.WakeSection(idle_timeout_s=12.0)
    assert policy(schema.Settings(wake=wake)).idle_timeout_s == 12.0
    wake = schema.WakeSection(mode="always", idle_timeout_s=12.0)
    assert policy(schema.Settings(wake=wake)).idle_timeout_s is None


@pytest.mark.parametrize(
    ("echo", "barge_in"), [("hardware", True), ("headphones", True), ("half_duplex", False)]
)
def test_without_echo_cancellation_there_is_no_barge_in(echo, barge_in):
    settings = schema.Settings(audio=schema.AudioSection(echo=echo))
    assert policy(settings).barge_in is barge_in


def test_volume_and_buffers_are_as_configured():
    settings = schema.Settings(
        audio=schema.AudioSection(playback=PlaybackSection(volume=33, buffer_s=44)),
        network=schema.NetworkSection(replay_s=5.0),
    )
    sound = sound_settings(settings)
    assert (sound.volume, sound.buffer_s, sound.keep_s) == (33, 44, 5.0)


def test_the_key_is_read_when_the_agent_is_built(monkeypatch):
    settings = schema.Settings(agent=schema.AgentSection(key=Secret("env", "VOICED_TEST_KEY")))
    with pytest.raises(ConfigError):
        agent_settings(settings, {})
    monkeypatch.setenv("VOICED_TEST_KEY", "k1")
    assert agent_settings(settings, {}).key == "k1"
    assert agent_settings(settings, {}, key="k2").key == "k2"


@pytest.mark.parametrize(
    ("asked_for", "names"),
    [({"tools": ("get_time",)}, {"get_time"}), ({"tools": ()}, set()), ({}, set(TOOLS))],
)
def test_the_agent_is_told_of_the_configured_tools_only(asked_for, names):
    settings = schema.Settings(**asked_for)
    tools = built_in_tools(settings)
    assert {spec.name for spec in agent_settings(settings, tools).tools} == names


async def test_a_conversation_is_kept_open_only_when_asked_to():
    for mode, count in (("button", 0), ("always", 1)):
        settings = schema.Settings(wake=schema.WakeSection(mode=mode))
        components = assemble(settings, Extras())._components
        assert sum(isinstance(each, AlwaysAwake) for each in components.wake_sources) == count
        assert sum(isinstance(each, AlwaysAwake) for each in components.observers) == count
        assert not [each for each in components.wake_sources if each in components.indicators]
