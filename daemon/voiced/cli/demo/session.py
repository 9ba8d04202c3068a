"""One demo from the first line to the summary."""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voiced.assembly.factory import Extras, assemble
from voiced.assembly.protocols import agent_class
from voiced.assembly.tools import built_in_tools
from voiced.cli.demo.person import OFFLINE, TIMER, Keyboard, Say, ScriptedPerson
from voiced.cli.demo.screen import PlainLines, Screen
from voiced.cli.demo.standin import StandIn, stand_in
from voiced.cli.demo.witness import ANSWERED_S, Witness, WitnessedSpeaker, WitnessedTool
from voiced.config.schema import AgentSection, Settings
from voiced.config.schema_controls import SoundsSection
from voiced.config.schema_sound import AudioSection, CaptureSection
from voiced.devices.sound.cards import list_cards
from voiced.devices.sound.factory import SoundDevices, microphone, speaker
from voiced.devices.sound.quirks import best_card
from voiced.devices.sound.wav import WavMicrophone
from voiced.ports import Indicator, Microphone, Speaker, WakeSource
from voiced.service.signals import SignalWake
from voiced.storage.state_store import StateStore

WORDS = Path(__file__).parent / "words"

# File name in `words`, and the text spoken in it.
SENTENCES = {
    "time": "What time is it?",
    "volume": "Set the volume to fifty.",
    "joke": "Tell me a joke.",
    "story": "Tell me a long story.",
    "timer": "Set a timer for twenty seconds.",
    "goodbye": "Goodbye.",
}

INSTRUCTIONS = "You are a friendly voice assistant. Answer in one or two short sentences."
GREETING = "Hello! I am the stand-in agent. How can I help?"


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound devices of a demo.

    Attributes:
        microphone: The capture device.
        speaker: The playback device.
        say: Speaks a recorded sentence; None if a person speaks.
        description: Both devices in words.
    """

    microphone: Microphone
    speaker: Speaker
    say: Say | None
    description: str

    @classmethod
    def choose(
        cls, capture: str | None, playback: str | None, output: str, *, wav: bool
    ) -> "Sound":
        """Choose the named devices, else the sound card if there is one, else WAV files."""
        cards = [] if wav else list_cards()
        if capture is None and best_card(cards, "capture"):
            capture = "auto"
        if playback is None and best_card(cards, "playback"):
            playback = "auto"
        playback = playback or f"wav:{output}"
        devices = SoundDevices(capture or "", playback)
        if capture is not None:
            heard, say = microphone(devices), None
        else:
            recorded = WavMicrophone(None)
            heard, say = recorded, lambda sentence: recorded.cue(str(WORDS / f"{sentence}.wav"))
        source = capture or "recorded sentences"
        return cls(heard, speaker(devices), say, f"microphone: {source}, speaker: {playback}")


@dataclass(frozen=True, slots=True)
class Script:
    """The script of a demo without a person at the keyboard.

    Attributes:
        asks: The names of the sentences, in order.
        limit_s: When to give up.
    """

    asks: tuple[str, ...]
    limit_s: float


class Demo:
    """The daemon, a stand-in agent, and a user who talks to it.

    Args:
        sound: The sound devices.
        protocol: The protocol of the stand-in agent.
        script: What the user says; None for a person at a terminal.
    """

    def __init__(self, sound: Sound, protocol: str, script: Script | None) -> None:
        self._sound = sound
        self._protocol = protocol
        self._witness = Witness()
        self._agent: StandIn | None = None
        self._asks = () if script is None else script.asks
        # A script measures the agent's sound, so no other sound may play but ringing.
        self._cues = SoundsSection(earcons=script is None, causes=script is None)
        self._view: PlainLines
        self._person: WakeSource
        self._indicators: list[Indicator]
        if script is None:
            self._view = Screen(_hint(recorded=sound.say is not None))
            self._person = Keyboard(sound.say, SENTENCES)
            self._indicators = [self._view]
        else:
            scripted = ScriptedPerson(
                sound.say, self._witness, script.limit_s, script.asks, self._take_agent_away
            )
            self._view, self._person = PlainLines(), scripted
            self._indicators = [self._view, scripted]

    async def run(self) -> int:
        """Hold one conversation; return 0 if a turn was heard and answered, and no timer missed."""
        logging.basicConfig(level=logging.WARNING, handlers=[self._view])
        self._view.line(self._sound.description)
        with tempfile.TemporaryDirectory(prefix="voiced-demo-") as folder:
            async with stand_in(self._protocol) as self._agent:
                settings, extras = self._settings(self._agent.url), self._extras(Path(folder))
                await assemble(settings, extras).run()
        self._view.close()
        return self._sum_up(self._view.line)

    def _take_agent_away(self) -> None:
        if self._agent is not None:
            self._agent.leave()

    def _settings(self, url: str) -> Settings:
        """Return the settings of a demo, with the session settings that the protocol accepts."""
        wanted = {"system_prompt": INSTRUCTIONS, "greeting": GREETING}
        refused = {problem.path[0] for problem in agent_class(self._protocol).check_session(wanted)}
        session = {key: value for key, value in wanted.items() if key not in refused}
        return Settings(
            agent=AgentSection(protocol=self._protocol, url=url, session=session),
            # There is digital silence between recorded sentences, which would count as a fault.
            audio=AudioSection(capture=CaptureSection(silent_after_s=0)),
            sounds=self._cues,
        )

    def _extras(self, folder: Path) -> Extras:
        witness = self._witness
        built_in = built_in_tools(Settings())
        return Extras(
            store=StateStore(folder),
            microphone=self._sound.microphone,
            speaker=WitnessedSpeaker(self._sound.speaker, witness),
            tools={name: WitnessedTool(tool, witness) for name, tool in built_in.items()},
            key="any",  # the stand-in requires a key, and accepts every one
            wake_sources=[SignalWake(), self._person],
            indicators=[*self._indicators, witness],
            observers=[witness],
            captions=[self._view, witness],
            taps=[self._view],
        )

    def _sum_up(self, line: Callable[[str], None]) -> int:
        seen = self._witness
        line("")
        line("summary")
        if seen.agent_said or seen.user_said:
            line(f"  understood from you    {len(seen.user_said)} sentence(s)")
            line(f"  said by the agent      {len(seen.agent_said)} sentence(s)")
            line(f"  tools called           {', '.join(seen.tools_called) or 'none'}")
        else:
            line(f"  replies of the agent   {seen.spoke} (it sends no text)")
        line(
            f"  audible at the speaker {seen.audible_s:.1f} s, {seen.answer_s:.1f} s of it in answers, "
            f"at up to {seen.loudest_dbfs:.0f} dBFS"
        )
        if seen.full_turn:
            line("  a full turn was heard and answered")
        else:
            line(f"  NO full turn: that needs words from you and {ANSWERED_S} s of audible answer")
        if TIMER not in self._asks:
            return 0 if seen.full_turn else 1
        wanted = seen.rang_locally if OFFLINE in self._asks else seen.announced
        line(f"  {_news(seen)}")
        return 0 if seen.full_turn and wanted else 1


def _news(seen: Witness) -> str:
    if seen.announced:
        return "a timer rang and was announced"
    if seen.rang_locally:
        return (
            f"a timer rang locally, {seen.rings} times, because there was no agent to announce it"
        )
    return "NO timer rang" if seen.rings == 0 else "a timer rang ONCE, and was not announced"


def _hint(*, recorded: bool) -> str:
    keys = "space talk  m mute  q quit"
    if not recorded:
        return keys
    return f"{keys}  1-{len(SENTENCES)} speak: {', '.join(SENTENCES)}"
