"""One demo from the first line to the summary."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voiced.app import Extras, assemble, check_session
from voiced.cli.demo.person import Keyboard, Say, ScriptedPerson
from voiced.cli.demo.screen import PlainLines, Screen
from voiced.cli.demo.standin import stand_in
from voiced.cli.demo.witness import ANSWERED_S, Witness, WitnessedSpeaker, WitnessedTool
from voiced.config.schema import AgentSection, AudioSection, CaptureSection, Settings, SoundsSection
from voiced.devices.cards import list_cards
from voiced.devices.sound import SoundDevices, microphone, speaker
from voiced.devices.wavfile import WavMicrophone
from voiced.host.signals import SignalWake
from voiced.ports import Indicator, Microphone, Speaker, WakeSource
from voiced.toolbox import built_in_tools

WORDS = Path(__file__).parent / "words"

SENTENCES = {
    "time": "What time is it?",
    "volume": "Set the volume to fifty.",
    "joke": "Tell me a joke.",
    "story": "Tell me a long story.",
    "goodbye": "Goodbye.",
}
"""File name under `words`, and what is heard in it."""

INSTRUCTIONS = "You are a friendly voice assistant. Answer in one or two short sentences."
GREETING = "Hello! I am the stand-in agent. How can I help?"


@dataclass(frozen=True, slots=True)
class Sound:
    """Where a demo listens and speaks.

    Attributes:
        microphone: The capture device.
        speaker: The playback device.
        say: Speaks a recorded sentence; None when a person must.
        description: Both in words.
    """

    microphone: Microphone
    speaker: Speaker
    say: Say | None
    description: str

    @classmethod
    def choose(
        cls, capture: str | None, playback: str | None, output: str, *, wav: bool
    ) -> "Sound":
        """Take the devices named, else the sound card if there is one, else WAV files."""
        cards = [] if wav else list_cards()
        if capture is None and any(card.capture for card in cards):
            capture = "auto"
        if playback is None and any(card.playback for card in cards):
            playback = "auto"
        playback = playback or f"wav:{output}"
        devices = SoundDevices(capture or "", playback)
        if capture is not None:
            heard, say = microphone(devices), None
        else:
            recorded = WavMicrophone(None)
            heard, say = recorded, _speak_into(recorded)
        source = capture or "recorded sentences"
        return cls(
            heard,
            speaker(devices),
            say,
            f"microphone: {source}, speaker: {playback}",
        )


def _speak_into(recorded: WavMicrophone) -> Say:
    def say(sentence: str) -> None:
        recorded.cue(str(WORDS / f"{sentence}.wav"))

    return say


class Demo:
    """The daemon, a stand-in agent, and somebody who talks to it."""

    def __init__(self, sound: Sound, protocol: str, *, in_terminal: bool, limit_s: float) -> None:
        self._sound = sound
        self._protocol = protocol
        self._witness = Witness()
        # A script measures what the agent says, and nothing else may sound.
        self._cues = SoundsSection(earcons=in_terminal, causes=in_terminal)
        self._view: PlainLines
        self._person: WakeSource
        self._indicators: list[Indicator]
        if in_terminal:
            self._view = Screen(_hint(recorded=sound.say is not None))
            self._person = Keyboard(sound.say, SENTENCES)
            self._indicators = [self._view]
        else:
            scripted = ScriptedPerson(sound.say, self._witness, limit_s)
            self._view, self._person = PlainLines(), scripted
            self._indicators = [self._view, scripted]

    async def run(self) -> int:
        """Hold one conversation; return 0 only if a turn was heard and answered."""
        logging.basicConfig(level=logging.WARNING, handlers=[self._view])
        self._view.line(self._sound.description)
        async with stand_in(self._protocol) as url:
            await assemble(self._settings(url), self._extras()).run()
        self._view.close()
        return self._sum_up(self._view.line)

    def _settings(self, url: str) -> Settings:
        """Return the settings of a demo, with as much of the session as the protocol takes."""
        wanted = {"system_prompt": INSTRUCTIONS, "greeting": GREETING}
        refused = {problem.path[0] for problem in check_session(self._protocol, wanted)}
        session = {key: value for key, value in wanted.items() if key not in refused}
        return Settings(
            agent=AgentSection(protocol=self._protocol, url=url, session=session),
            # Recorded sentences have silence between them, and no noise.
            audio=AudioSection(capture=CaptureSection(silent_after_s=0)),
            sounds=self._cues,
        )

    def _extras(self) -> Extras:
        witness = self._witness
        built_in = built_in_tools(Settings())
        return Extras(
            microphone=self._sound.microphone,
            speaker=WitnessedSpeaker(self._sound.speaker, witness),
            tools={name: WitnessedTool(tool, witness) for name, tool in built_in.items()},
            key="any",  # the stand-in takes every key, but wants one
            wake_sources=[SignalWake(), self._person],
            indicators=[*self._indicators, witness],
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
            line(f"  replies of the agent   {seen.spoke} (it writes nothing down)")
        line(
            f"  audible at the speaker {seen.audible_s:.1f} s, of it in answer {seen.answer_s:.1f} s, "
            f"at up to {seen.loudest_dbfs:.0f} dBFS"
        )
        if seen.full_turn:
            line("  a full turn was heard and answered")
            return 0
        line(f"  NO full turn: it takes words from you and {ANSWERED_S} s of audible answer")
        return 1


def _hint(*, recorded: bool) -> str:
    keys = "space talk  m mute  q quit"
    if not recorded:
        return keys
    return f"{keys}  1-{len(SENTENCES)} speak: {', '.join(SENTENCES)}"
