"""A certification authority of our own, by the `openssl` program."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

CONFIGURATION = """
[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = here
[here]
new_certs_dir = .
database = index.txt
serial = serial
default_md = sha256
default_days = 30
policy = any_name
unique_subject = no
[any_name]
commonName = supplied
"""

EXTENSIONS = """
basicConstraints = critical,CA:false
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Authority:
    """Issues server certificates; `ca_file` is what a client must trust."""

    folder: Path

    @classmethod
    def found(cls, folder):
        (folder / "ca.cnf").write_text(CONFIGURATION)
        (folder / "index.txt").write_text("")
        (folder / "serial").write_text("01\n")
        authority = cls(folder)
        authority._openssl(
            "req -config ca.cnf -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=authority "
            "-keyout ca.key -out ca.pem"
        )
        return authority

    @property
    def ca_file(self):
        return str(self.folder / "ca.pem")

    def serving(self, name, *, names="IP:127.0.0.1,DNS:localhost,DNS:agent.test", dates=""):
        """Return a server's TLS context.

        Args:
            name: Of the files.
            names: Whom the certificate is for.
            dates: `openssl ca` options that say when it is valid.
        """
        (self.folder / f"{name}.ext").write_text(EXTENSIONS.format(names=names))
        self._openssl(
            f"req -config ca.cnf -newkey rsa:2048 -nodes -subj /CN={name} "
            f"-keyout {name}.key -out {name}.csr"
        )
        self._openssl(
            f"ca -config ca.cnf -batch -notext -cert ca.pem -keyfile ca.key -extfile {name}.ext "
            f"-in {name}.csr -out {name}.pem {dates}"
        )
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def _openssl(self, command):
        subprocess.run(
            ["openssl", *command.split()], cwd=self.folder, check=True, capture_output=True
        )
