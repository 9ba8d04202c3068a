"""A self-signed certificate, made by the openssl program."""

import ipaddress
import subprocess
from pathlib import Path

from agentsim.errors import SetupError

VALID_DAYS = 2


def make_certificate(directory: Path, host: str) -> tuple[Path, Path]:
    """Write a certificate for `host` and localhost, and its key, to `directory`.

    Raises:
        SetupError: If there is no openssl program.
    """
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    names = {"DNS:localhost", "IP:127.0.0.1", _subject(host)}
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", str(VALID_DAYS), "-subj", "/CN=agentsim"]
    command += ["-addext", f"subjectAltName={','.join(sorted(names))}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed but for paths
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError("--tls", f"needs a working openssl program: {error}") from None
    return certificate, key


def _subject(host: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(host)}"
    except ValueError:
        return f"DNS:{host}"
