"""TLS contexts, built once: each costs 20 ms of CPU here, ten times that on a small board."""

import functools
import ssl

from voiced.errors import LinkRejected


@functools.cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return the context that trusts `ca_file` alone, or what the system trusts.

    Raises:
        LinkRejected: If the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        problem = "holds no certificate" if isinstance(error, ssl.SSLError) else "cannot be read"
        raise LinkRejected(
            f"the CA file {ca_file} {problem}", "it must be a PEM file this service can read"
        ) from None
