"""Keeping a runtime as the settings want it: at once what counts at once, the rest when nobody talks."""

import logging
from dataclasses import replace

from voiced.assembly.factory import (
    ComponentCache,
    Extras,
    agent_settings,
    assemble,
    assemble_parts,
    catalogue,
    names,
    policy,
    sound_settings,
)
from voiced.config.diff import changes, mixed, summary
from voiced.config.rules import contradictions
from voiced.config.schema import Settings
from voiced.config.yaml_document import Document, Place
from voiced.core.events import OwnerActed, SettingsRead
from voiced.core.state import Phase
from voiced.devices.network.resolver import Resolver
from voiced.errors import ConfigError
from voiced.host.journal import set_level
from voiced.lib.listeners import Listeners
from voiced.runtime.runtime import Runtime

log = logging.getLogger(__name__)

_NOWHERE = Document({}, {(): Place(0, 1, "settings")})


class SettingsApplier:
    """Owns a runtime and what it was made from.

    Args:
        settings: What to begin with.
        cache: Where parts come from.

    Attributes:
        runtime: What runs, once assembled.
        running: The settings it runs by.
        wanted: Those it is to run by as soon as nobody talks.
        on_applied: Are called when it runs by others.
    """

    def __init__(self, settings: Settings, cache: ComponentCache) -> None:
        self.running = self.wanted = settings
        self._cache = cache
        self._extras = Extras()
        self.on_applied: Listeners[[]] = Listeners()
        self.runtime: Runtime

    def assemble(self, extras: Extras) -> Runtime:
        """Build the runtime and return it.

        Args:
            extras: What goes beyond the settings.

        Raises:
            ConfigError: If a name is unknown or a secret cannot be read.
        """
        self._extras = replace(extras, on_tools_changed=self._tools_changed, on_idle=self._on_idle)
        self.runtime = assemble(self.wanted, self._extras, self._cache)
        return self.runtime

    @property
    def resolver(self) -> Resolver:
        """What looks up names, for all of the daemon."""
        return names(self._cache)

    @property
    def is_settled(self) -> bool:
        """Everything wanted is in force."""
        return self.running == self.wanted

    def apply(self, settings: Settings, *, at_once: bool = False) -> list[str]:
        """Go over to `settings`.

        Args:
            settings: What is wanted.
            at_once: Wait for nobody, not even for those who talk.

        Returns:
            The names of what has changed, a line for each reload class.
        """
        lines = [*summary(changes(self.wanted, settings))]
        for line in lines:
            log.info("changed: %s", line)
        self.wanted = settings
        asleep = self.runtime.conversation.phase is Phase.ASLEEP
        self._apply_now(settings if asleep or at_once else self._what_counts_now())
        endless = policy(self.running).idle_timeout_s is None
        self.runtime.dispatch(SettingsRead(renew=endless and not self.is_settled))
        self.runtime.dispatch(OwnerActed())
        return lines

    @property
    def waiting(self) -> list[str]:
        """The names of what waits until nobody talks."""
        return [".".join(each.path) for each in changes(self.running, self.wanted)]

    def _on_idle(self) -> None:
        """Do what had to wait."""
        if not self.is_settled:
            self._apply_now(self.wanted)

    def _tools_changed(self) -> None:
        """Tell the agent of other tools, even while somebody talks: it may be asked for them."""
        self._apply_now(self.running)

    def _what_counts_now(self) -> Settings:
        now = mixed(self.running, self.wanted, {"live"})
        fits = not contradictions(now, _NOWHERE, catalogue())
        return now if fits else self.running

    def _apply_now(self, settings: Settings) -> None:
        try:
            components = assemble_parts(settings, self._extras, self._cache)
            agent = agent_settings(settings, components.tools, self._extras.key, components.context)
        except ConfigError as error:
            log.error("%s", error)  # noqa: TRY400 - it says it all
            return
        self.running = settings
        set_level(settings.log.level)
        self.runtime.adopt(
            components, policy(settings), sound_settings(settings, components.memory), agent
        )
        self.on_applied()
