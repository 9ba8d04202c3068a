"""One clear sentence for each way a connection can fail, of the class that says who must react."""

import errno
import ssl
from datetime import date

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidProxyStatus, InvalidStatus
from websockets.http11 import Response

from voiced import RELEASED
from voiced.devices.network.diagnosis import explain_network, explain_upgrade, no_answer
from voiced.errors import AgentBusy, LinkError, LinkRejected, Unreached

SECRETS = ("5ecret", "token=", "/v1/ws", "Bearer")


def certificate_problem(code):
    error = ssl.SSLCertVerificationError(1, "5ecret")
    error.verify_code, error.verify_message = code, "a strange problem"
    return error


def tls_problem(reason):
    error = ssl.SSLError(1, "5ecret")
    error.reason = reason
    return error


def answered(status, kind=InvalidStatus):
    headers = Headers(Location="https://5ecret/?token=1")
    return kind(Response(status, "5ecret", headers, b"Bearer 5ecret"))


CAUSES = [
    (OSError(errno.ECONNREFUSED, "5ecret"), Unreached, "nothing listens there"),
    (OSError(errno.ENETUNREACH, "5ecret"), Unreached, "no route"),
    (OSError(errno.EHOSTUNREACH, "5ecret"), Unreached, "no route"),
    (OSError(errno.ECONNRESET, "5ecret"), LinkError, "cut the connection"),
    (OSError(errno.EMFILE, "5ecret"), LinkError, "Too many open files"),
    (OSError("Multiple exceptions: 5ecret"), Unreached, "at any of its addresses"),
    (certificate_problem(9), LinkError, "not valid yet; is this device's clock right?"),
    (certificate_problem(10), LinkError, "expired, or this device's clock is wrong"),
    (certificate_problem(20), LinkError, "not signed by a known authority"),
    (certificate_problem(62), LinkError, "login page"),
    (certificate_problem(99), LinkError, "a strange problem"),
    (tls_problem("WRONG_VERSION_NUMBER"), LinkError, "without TLS"),
    (tls_problem("HANDSHAKE_FAILURE"), LinkError, "proper TLS (HANDSHAKE_FAILURE)"),
    (answered(401), LinkRejected, "refused the key"),
    (answered(403), LinkRejected, "refused the key"),
    (answered(404), LinkError, "no agent at this path"),
    (answered(429), AgentBusy, "too busy"),
    (answered(503), AgentBusy, "too busy"),
    (answered(500), LinkError, "HTTP 500"),
    (answered(502), LinkError, "HTTP 502"),
    (answered(302), LinkError, "login page"),
    (answered(511), LinkError, "login page"),
    (answered(200), LinkError, "login page"),
    (answered(407, InvalidProxyStatus), LinkRejected, "user name and password"),
    (answered(403, InvalidProxyStatus), LinkError, "the proxy did not let"),
    (answered(504, InvalidProxyStatus), LinkError, "the proxy did not let"),
]


@pytest.mark.parametrize(("cause", "kind", "fragment"), CAUSES)
def test_every_cause_has_its_class_and_one_clear_sentence(cause, kind, fragment):
    found = explain_upgrade(cause, "agent.test:443")
    assert type(found) is kind
    text = str(found)
    assert fragment in text
    assert "\n" not in text
    assert len(text) <= 200
    assert not [secret for secret in SECRETS if secret in text]


def test_different_causes_have_different_sentences():
    texts = [str(explain_upgrade(cause, "agent.test:443")) for cause, *_ in CAUSES]
    texts.append(str(no_answer("agent.test:443", 10)))
    no_route = [text for text in texts if "no route" in text]
    assert len(set(texts)) == len(texts) - (len(no_route) - 1)


@pytest.mark.parametrize("code", [9, 10])
def test_a_clock_older_than_the_program_is_waited_for(code):
    released = date.fromisoformat(RELEASED)
    found = explain_network(certificate_problem(code), "agent.test:443", date(2020, 1, 1))
    assert type(found) is LinkError
    assert "clock says 2020-01-01" in str(found)
    assert "clock says" not in str(explain_network(certificate_problem(code), "a", released))
    assert "clock says" not in str(explain_network(certificate_problem(20), "a", date(2020, 1, 1)))
