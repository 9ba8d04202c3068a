"""Checks of the network path to the agent, step by step, and of the agent itself."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from voiced.agents.codec import Agent
from voiced.audio.playout import Playout
from voiced.audio.uplink import UplinkQueue
from voiced.core.events import AgentReady, Event, LinkLost, Loss, SessionEnded
from voiced.devices.network.diagnosis import explain_network, no_answer
from voiced.devices.network.endpoint import Endpoint, endpoint_of
from voiced.devices.network.link import LinkOptions
from voiced.devices.network.proxy import choose_proxy, proxy_endpoint
from voiced.devices.network.resolver import AddressList, Resolver
from voiced.devices.network.tls import tls_context
from voiced.doctor.finding import Finding, fail_as, ok, skip, warn
from voiced.errors import LinkError
from voiced.lib.printable import shown
from voiced.lib.task_group import TaskGroup
from voiced.ports import DialCaller, Dialer
from voiced.runtime.connection import Connection, LinkContext

PARTING_S = 3.0


@dataclass(frozen=True, slots=True)
class Ways:
    """How the daemon reaches the agent.

    Attributes:
        url: The agent's address.
        link: The network settings.
        resolver: Looks up host names.
        dial: Opens links.
        call_http: Makes the calls of a dial plan.
    """

    url: str
    link: LinkOptions
    resolver: Resolver
    dial: Dialer
    call_http: DialCaller


async def check_way(ways: Ways) -> AsyncIterator[Finding]:
    """Yield the findings for proxy, DNS, TCP and TLS; a failure skips the steps after it."""
    names = ["proxy", "dns", "tcp", "tls"]
    async for finding in _steps(ways):
        names.remove(finding.check)
        yield finding
    for name in names:
        yield skip(name, "skipped after the failure above")


async def _steps(ways: Ways) -> AsyncIterator[Finding]:
    step = "proxy"
    try:
        agent = endpoint_of(ways.url)
        proxy = choose_proxy(ways.link.proxy, agent)
        first = agent if proxy is None else proxy_endpoint(proxy)
        yield ok(step, "none" if proxy is None else str(first))
        step = "dns"
        addresses = await ways.resolver.lookup(first, ways.link.connect_timeout_s)
        yield ok(step, f"{first.host} has {len(addresses)} address(es)")
        step = "tcp"
        await _connect(first, addresses, ways.link, tls=None)
        yield ok(step, f"{first} answers")
        step = "tls"
        if not agent.is_secure:
            yield skip(step, "not needed on this machine itself")
        elif proxy is not None:
            yield skip(step, "behind a proxy only `--online` checks this")
        else:
            tls = tls_context(ways.link.ca_file)
            version = await _connect(first, addresses, ways.link, tls)
            yield ok(step, f"{version}, the certificate is good")
    except LinkError as error:
        yield fail_as(step, str(error), _OTHERWISE[step])


_OTHERWISE = {
    "proxy": "correct network.proxy, or the environment of the service",
    "dns": "check the network: cable, Wi-Fi, router",
    "tcp": "check the network: cable, Wi-Fi, router, firewall",
    "tls": "check this device's clock, then network.ca_file, then ask the network's administrator",
}


async def _connect(
    peer: Endpoint, addresses: AddressList, link: LinkOptions, tls: ssl.SSLContext | None
) -> str:
    """Connect and hang up; return the version of TLS. Raises LinkError if all addresses fail."""
    failure: Exception | None = None
    for *_, address in addresses:  # as getaddrinfo returns them
        try:
            async with asyncio.timeout(link.connect_timeout_s):
                _, writer = await asyncio.open_connection(
                    address[0], address[1], ssl=tls, server_hostname=peer.host if tls else None
                )
        except TimeoutError:
            failure = no_answer(str(peer), link.connect_timeout_s)
        except OSError as error:
            failure = explain_network(error, str(peer))
        else:
            session = writer.get_extra_info("ssl_object")
            writer.transport.abort()  # a TLS shutdown would wait for the peer
            return session.version() or "TLS" if session is not None else ""
    raise failure or LinkError(f"{peer} has no address")


async def check_agent(agent: Agent, ways: Ways) -> AsyncIterator[Finding]:
    """Yield whether the agent accepts us, and whether a session can be resumed. Sessions end at once."""
    first = await _visit(agent, ways, None, stays=agent.resumable)
    if isinstance(first, LinkLost):
        yield fail_as("agent", first.reason, _REMEDIES.get(first.loss, "try again later"))
        yield skip("resume", "there was no session")
        return
    yield ok("agent", "it accepts the key and the session settings")
    async for finding in check_voice(agent, ways):
        yield finding
    if not isinstance(first, AgentReady) or first.resume_key is None:
        yield skip("resume", "this agent cannot resume a session")
        return
    again = await _visit(agent, ways, first.resume_key, stays=False)
    if isinstance(again, LinkLost):
        yield fail_as("resume", f"resume fails: {again.reason}", "report it to the agent's support")
    else:
        yield ok("resume", "a lost connection resumes its session")


async def check_voice(agent: Agent, ways: Ways) -> AsyncIterator[Finding]:
    """Yield whether the agent lists the configured voice, if any. A warning: without it, it uses another."""
    check = agent.voice_check()
    if check is None:
        return
    try:
        listed = check.is_listed(await ways.call_http(check.call))
    except LinkError:
        listed = None
    name = shown(check.voice[:50])
    if listed is None:
        yield skip("voice", "the agent does not list its voices")
    elif listed:
        yield ok("voice", f"the agent has {name}")
    else:
        fix = "change or remove agent.session.output.voice; the agent uses its own"
        yield warn("voice", f"the agent does not list {name}", fix)


_REMEDIES = {
    Loss.REJECTED: "put a valid key where agent.key points",
    Loss.BUSY: "wait, or raise the limit of your account",
    Loss.BROKEN: "check the network, then the agent's status page",
    Loss.UNREACHED: "check the network, then the agent's status page",
}


async def _visit(agent: Agent, ways: Ways, resume_key: str | None, *, stays: bool) -> Event:
    """Open one link; return the event that it ended in. `stays` leaves the session open for a resume."""
    outcome: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    def dispatch(event: Event) -> None:
        if isinstance(event, AgentReady | LinkLost | SessionEnded) and not outcome.done():
            outcome.set_result(event)

    around = LinkContext(
        dial=ways.dial,
        call_http=ways.call_http,
        uplink=UplinkQueue(0.0),
        playout=Playout(48_000, lambda _reply_id: None),
        captions=(),
        dispatch=dispatch,
    )
    connection = Connection(agent.codec(resume_key, greet=False), around)
    async with TaskGroup() as group:
        task = group.create_task(connection.run(0.0))
        event = await outcome
        if stays and isinstance(event, AgentReady):
            task.cancel()
        else:
            connection.end()
            await asyncio.wait({task}, timeout=PARTING_S)
            task.cancel()
    return event
