"""A little package index on loopback, and wheels for it."""

import hashlib
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit


class PackageIndex:
    """Serves the wheels of a folder in pip's simple layout, or others in their place.

    Attributes:
        asked: Every wheel that was fetched.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed: dict[str, bytes] = {}
        self.asked: list[str] = []
        index = self

        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = index.answer(urlsplit(self.path).path)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Type", "text/html" if self.path[-1] == "/" else "a/b")
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/simple"

    def change(self, project: str) -> None:
        """Serve other wheels of `project`: they work, and have a file more."""
        for path in self._wheels(project):
            changed = BytesIO(path.read_bytes())
            with zipfile.ZipFile(changed, "a") as archive:
                archive.writestr("not_in_the_lock.py", "")
            self._changed[path.name] = changed.getvalue()

    def restore(self) -> None:
        """Serve what is in the folder again."""
        self._changed.clear()

    def answer(self, path: str) -> bytes | None:
        match path.strip("/").split("/"):
            case ["simple", project]:
                links = (
                    f'<a href="/files/{p.name}#sha256={self._sum(p)}">{p.name}</a>\n'
                    for p in self._wheels(project)
                )
                return "".join(links).encode() or None
            case ["files", name] if (self._folder / name).is_file():
                self.asked.append(name)
                return self._content(self._folder / name)
        return None

    def _wheels(self, project: str) -> list[Path]:
        return sorted(self._folder.glob(f"{project.replace('-', '_')}-*"))

    def _content(self, path: Path) -> bytes:
        return self._changed.get(path.name) or path.read_bytes()

    def _sum(self, path: Path) -> str:
        return hashlib.sha256(self._content(path)).hexdigest()


def make_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Make a wheel of pure Python, or of nothing but files."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(each, content)
    return path


def pin(wheel: Path) -> str:
    """Return the line of a lock that names this wheel."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
