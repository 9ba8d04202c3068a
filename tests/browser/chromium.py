"""Debian's Chromium without a window, driven through its DevTools protocol."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import time
from contextlib import asynccontextmanager, contextmanager, suppress

import aiohttp

STARTS_WITHIN_S = 60
ANSWERS_WITHIN_S = 30
KEYS = {" ": "Space", "m": "KeyM", "Tab": "Tab", "Enter": "Enter", "Escape": "Escape"}
CODES = {" ": 32, "m": 77, "Tab": 9, "Enter": 13, "Escape": 27}


@contextmanager
def browser(folder):
    """Run a browser whose profile is in `folder`; yield the address of its DevTools."""
    command = [
        "chromium",
        "--headless=new",
        "--no-sandbox",  # tests run as root in containers, where it cannot be had
        "--no-proxy-server",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
    ]
    quiet = subprocess.DEVNULL
    # No session of its own: the kernel would give that the time of one, without the worker's priority
    # (`tests.worlds.be_weighed_by_itself`), and frames would come late beside other workers.
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, process_group=0)
    try:
        yield _address(process, folder / "DevToolsActivePort")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _address(process, told_in):
    for _ in range(STARTS_WITHIN_S * 20):
        lines = told_in.read_text().splitlines() if told_in.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        assert process.poll() is None, "chromium ended at once"
        time.sleep(0.05)
    raise TimeoutError("chromium does not start")


class Tab:
    """A tab with cookies of its own.

    Attributes:
        complaints: What the browser's console says that is wrong.
        requested: The address of everything that was asked for.
    """

    def __init__(self, socket):
        self.complaints, self.requested = [], []
        self._socket = socket
        self._session = {}
        self._answers = {}
        self._reading = asyncio.create_task(self._read())

    async def begin(self, width, height):
        context = await self.do("Target.createBrowserContext", disposeOnDetach=True)
        target = await self.do("Target.createTarget", url="about:blank", **context)
        attached = await self.do("Target.attachToTarget", flatten=True, **target)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.do(f"{domain}.enable")
        await self.resize(width, height)

    def end(self):
        self._reading.cancel()

    async def do(self, method, **parameters):
        """Give an order of the DevTools protocol; return what it answers."""
        number = len(self._answers) + 1
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(
            {"id": number, "method": method, "params": parameters, **self._session}
        )
        return await asyncio.wait_for(answer, ANSWERS_WITHIN_S)

    async def _read(self):
        async for message in self._socket:
            body = json.loads(message.data)
            if "id" in body:
                answer = self._answers[body["id"]]
                if "error" in body and not answer.done():
                    answer.set_exception(RuntimeError(body["error"]["message"]))
                elif not answer.done():
                    answer.set_result(body["result"])
                continue
            self._note(body["method"], body["params"])

    def _note(self, method, told):
        if method == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requested.append(told["url"])
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(told["exceptionDetails"].get("exception", {}))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.complaints.append(told["args"])

    async def resize(self, width, height):
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def prefer(self, **features):
        """Have the browser say that its user prefers something, like reduced motion."""
        wanted = [{"name": f"prefers-{name}", "value": value} for name, value in features.items()]
        await self.do("Emulation.setEmulatedMedia", features=wanted)

    async def open(self, url):
        await self.do("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def ask(self, expression):
        """Return the value of an expression in the page; what it promises is awaited."""
        answer = await self.do(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression, within_s=15):
        """Wait for an expression in the page to hold; while a page is loaded nothing does."""
        evaluate = {"expression": f"!!({expression})", "returnByValue": True}
        held = False
        try:
            async with asyncio.timeout(within_s):
                while not held:
                    await asyncio.sleep(0.02)
                    with suppress(RuntimeError):
                        answer = await self.do("Runtime.evaluate", **evaluate)
                        held = answer["result"].get("value") is True
        except TimeoutError:
            shown = await self.ask("document.body.innerText")
            raise AssertionError(f"never: {expression}; the page shows {shown!r}") from None

    async def status(self, wanted, within_s=15):
        await self.until(f"document.body.dataset.status === '{wanted}'", within_s)

    async def text(self, selector):
        return await self.ask(f"document.querySelector({json.dumps(selector)}).textContent")

    async def settle(self):
        """Wait for two frames: what was changed is laid out and painted."""
        await self.ask(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    async def touch(self, selector, along=0.5):
        """Put a finger on something, in its middle or so far along it."""
        await self.settle()
        x, y = await self.ask(
            f"(() => {{ const at = document.querySelector({json.dumps(selector)})"
            f".getBoundingClientRect(); return [at.left + at.width * {along},"
            " at.top + at.height / 2] })()"
        )
        await self.do("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        await self.do("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    async def press(self, key):
        """Press a key and let go of it."""
        told = {"key": key, "code": KEYS[key], "windowsVirtualKeyCode": CODES[key]}
        text = {"Enter": "\r", "Tab": "", "Escape": ""}.get(key, key)
        await self.do("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
        await self.do("Input.dispatchKeyEvent", type="keyUp", **told)

    async def write(self, text):
        """Write where the focus is."""
        await self.do("Input.insertText", text=text)

    async def picture(self, path):
        shot = await self.do("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def tab(address, width=800, height=480):
    """Open a tab of the browser at `address`, of this size."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, max_msg_size=0) as socket,
    ):
        it = Tab(socket)
        try:
            await it.begin(width, height)
            yield it
        finally:
            it.end()
