"""Stand-in agent servers, for the demo, for tests, and to try voiced without an account.

They import nothing of `voiced`, so that each of the two checks the other. Three ways to use one:

1. A program: `agentsim assemblyai` (see its --help). It prints one JSON line with its `url`.
2. A server on a running event loop, for tests with real sockets:

    async with serve_assemblyai(Settings(timing=Timing(ready_s=0.05))) as server:
        ...  # dial server.url; look at server.service.sessions and server.service.events

3. Without sockets, threads or programs, for tests on the jumping clock:

    from agentsim.assemblyai.service import Service
    from agentsim.assemblyai.settings import Settings
    from agentsim.faults import Faults

    service = Service(Settings(faults=Faults(["jitter=200"])))   # on a running loop
    connection = service.dial(dial.url, dial.headers)     # or service.connect()
    connection.receive('{"type": "session.update", "session": {}}')
    async for message in connection:                      # what the client receives
        ...                                               # ends when closed: connection.close_code
    connection.lost()                                     # the client closed it or vanished
    session = service.sessions[-1]
    session.hear("what time is it")                       # a whole user turn, as text
    session.say("Hello."); session.call("get_time"); session.interrupt()
    session.drop(); session.freeze(); session.end(); session.fail("at_capacity")
    service.settings.faults.add("drop@reply+300")         # at any time
    service.events.find("sent", type="reply.done")        # what happened, with times
    service.answer("GET", "https://host/v1/token?expires_in_seconds=60", headers)
    service.close()

`Settings()` is deterministic: the voice is a 440 Hz tone of 60 ms a character, understanding follows
a script (`Scripted([...])`), and any steady loud sound counts as speech for about two seconds.
`Settings(listening=False)` counts sound but never makes a turn of it; `keep_heard=True` keeps its
payload in `session.hearing.uplink.heard`. A client's `send` should block while `connection.frozen`,
as it would on a socket whose other end does not read.
"""
