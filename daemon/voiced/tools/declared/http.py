"""Tools that call a web service, as declared under `http_tools`."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from voiced.agents.codec import HttpAnswer, HttpCall
from voiced.config.schema_tools import HttpToolSection
from voiced.config.secret import HEADER, resolved
from voiced.devices.network.http import AiohttpCaller, AnswerTooLongError
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.resolver import Resolver
from voiced.errors import ConfigError, LinkError, ToolError
from voiced.lib.json_pointer import at
from voiced.ports import Controls
from voiced.tools.declared.response import reason_in, value_in
from voiced.tools.declared.template import fill_value
from voiced.tools.declared.tool import Declaration
from voiced.tools.declared.url_template import filled_address

log = logging.getLogger(__name__)

CONNECTION_S = 1.0  # beyond the tool's own timeout, so that the tool's own message comes first
GOOD = range(200, 300)
MOVED = range(300, 400)
REFUSED = range(400, 500)
ABOUT_US = frozenset({401, 403, 407})  # problems of this device's key or proxy, not of the call


class HttpTool:
    """A tool that calls a web service.

    Args:
        name: Its name for the agent.
        declared: Its section of the settings, checked.
        options: The network settings.
        resolver: Looks up host names.
    """

    def __init__(
        self, name: str, declared: HttpToolSection, options: LinkOptions, resolver: Resolver
    ) -> None:
        self._declared = declared
        self._declaration = Declaration(name, declared)
        self._timeout_s = self._declaration.timeout_s
        self._caller = AiohttpCaller(
            options, resolver, timeout_s=self._timeout_s + CONNECTION_S, in_clear=True
        )
        self.spec = self._declaration.spec

    async def call(self, arguments: Mapping[str, Any], controls: Controls) -> object:
        http_call = self._request(self._declaration.parameters.accepted(arguments))
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._caller(http_call)
        except TimeoutError:
            raise self._apology("did not answer in time") from None
        except AnswerTooLongError:
            raise self._apology("sent more than can be read out") from None
        except LinkError as error:
            log.info("tool %s: %s", self.spec.name, error.reason)
            raise self._apology("cannot be reached") from None
        return self._understood(answer, http_call.headers)

    def _request(self, arguments: Mapping[str, Any]) -> HttpCall:
        headers = {"Accept": "application/json, text/*;q=0.5", **self._headers()}
        body = b""
        if self._declared.json is not UNSET:
            body = json.dumps(fill_value(self._declared.json, arguments)).encode()
            headers["Content-Type"] = "application/json"
        url = filled_address(self._declared.url, arguments)
        return HttpCall(self._declared.method, url, headers, body)

    def _headers(self) -> dict[str, str]:
        try:
            return resolved(self._declared.headers, HEADER)
        except ConfigError as error:
            log.warning("%s", error)
            raise self._apology("wants a key that this device does not have") from None

    def _understood(self, answer: HttpAnswer, sent: Mapping[str, str]) -> object:
        content_type = answer.headers.get("content-type", "")
        if answer.status in MOVED:
            raise self._apology(f"has moved ({answer.status})")
        if answer.status not in GOOD:
            what = f"answered with an error ({answer.status})"
            reason = ""
            if answer.status in REFUSED and answer.status not in ABOUT_US:
                reason = reason_in(answer.body, content_type, self._secrets(sent))
            raise self._apology(f"{what}: {reason}" if reason else what)
        try:
            value = value_in(
                answer.body, must_be_json="json" in content_type, content_type=content_type
            )
        except ValueError as error:
            raise self._apology(str(error)) from None
        if self._declared.response is None:
            return value
        try:
            return at(value, self._declared.response)
        except LookupError:
            raise self._apology("did not return what was asked for") from None

    def _secrets(self, sent: Mapping[str, str]) -> list[str]:
        """Return the secrets sent in headers, which must not come back to the agent."""
        return [
            sent[name].removeprefix(value.text)
            for name, value in self._declared.headers.items()
            if value.secret is not None
        ]

    def _apology(self, what: str) -> ToolError:
        return ToolError(f"The service behind {self.spec.name} {what}.")
