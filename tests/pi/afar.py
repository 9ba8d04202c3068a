"""A server of settings on this machine, where the Pi finds it over its network: HTTPS, signed files."""

import http.server
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Self

from tests.pi.agent import NAME


class SettingsServer:
    """Serves one folder.

    Attributes:
        public_key: Whose signatures its files carry.
    """

    def __init__(self, folder: Path, certificates: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._secret = folder.parent / "signing.key"
        public = folder.parent / "signing.pub"
        _minisign("-G", "-f", "-W", "-p", str(public), "-s", str(self._secret))
        self.public_key = public.read_text().splitlines()[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "agent.pem", certificates / "agent.key")
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._page)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self._server.server_port}/{{name}}.yaml"

    def put(self, text: str, name: str = "kitchen.yaml") -> None:
        """Serve `text`, signed."""
        path = self._folder / name
        path.write_text(text)
        revision = text.partition("revision: ")[2].partition("\n")[0]
        _minisign("-S", "-s", str(self._secret), "-m", str(path), "-t", f"revision:{revision}")

    def _page(self, *arguments: object) -> http.server.BaseHTTPRequestHandler:
        return _Page(*arguments, directory=str(self._folder))  # type: ignore[arg-type]


class _Page(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _minisign(*arguments: str) -> None:
    subprocess.run(["minisign", *arguments], check=True, capture_output=True, input=b"\n")
