"""Small parts of the page's server: frames, certificates, counting what is refused."""

import itertools
import logging
import os
import shutil
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.certificates import Authority
from voiced.api.certificate import Certificate, UnusableError
from voiced.api.refusals import ABORTED, Refusals
from voiced.api.websocket_frames import Masks
from voiced.host.journal import OUR_BURST, OUR_DEBUG_EVERY_S, OUR_EVERY_S, RateLimit


def frame(n_bytes, *, masked=True):
    flag = 0x80 if masked else 0
    if n_bytes < 126:
        length = bytes([flag | n_bytes])
    elif n_bytes < 65536:
        length = bytes([flag | 126]) + n_bytes.to_bytes(2, "big")
    else:
        length = bytes([flag | 127]) + n_bytes.to_bytes(8, "big")
    return b"\x81" + length + (b"mask" if masked else b"") + b"\x7f" * n_bytes


LENGTHS = st.sampled_from([0, 1, 5, 125, 126, 127, 300, 65535, 65536, 70000])


@given(st.lists(LENGTHS, max_size=5), st.lists(st.integers(0, 200_000), max_size=8), st.booleans())
def test_a_frame_without_a_mask_is_found_however_the_stream_is_cut(lengths, cuts, is_last_masked):
    stream = b"".join(map(frame, lengths)) + frame(3, masked=is_last_masked)
    at = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    masks = Masks()
    found = [masks.are_on(stream[a:b]) for a, b in itertools.pairwise(at)]
    assert all(found) is is_last_masked


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    authority = Authority.found(folder)
    for name in ("one", "two"):
        authority.serving(name)
    return folder


@pytest.fixture
def certificate(files, tmp_path):
    put(files, tmp_path, "one", "pem", "key")
    return Certificate(tmp_path / "page.pem", tmp_path / "page.key", "kiosk.certificate")


def put(files, folder, name, *kinds):
    for kind in kinds:
        shutil.copy(files / f"{name}.{kind}", folder / f"page.{kind}")


def test_a_certificate_is_read_again_only_when_it_has_changed(files, tmp_path, certificate):
    first = certificate.context()
    assert first is not None
    assert certificate.context() is first
    put(files, tmp_path, "two", "pem", "key")
    assert certificate.context() is not first


def test_half_a_renewal_is_told_once_and_what_worked_goes_on(files, tmp_path, certificate, caplog):
    first = certificate.context()
    put(files, tmp_path, "two", "pem")
    for _ in range(3):
        assert certificate.context() is first
    assert caplog.text.count("kiosk.certificate") == 1
    assert "key values mismatch" in caplog.text
    put(files, tmp_path, "two", "key")
    assert certificate.context() is not first
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "content", [None, b"", b"rubbish", b"\xff\0", b"-----BEGIN CERTIFICATE-----\n"]
)
@pytest.mark.parametrize("kind", ["pem", "key"])
def test_files_that_cannot_be_used_are_told_of(tmp_path, certificate, caplog, kind, content):
    path = tmp_path / f"page.{kind}"
    path.unlink() if content is None else path.write_bytes(content)
    assert certificate.context() is None
    assert certificate.context() is None
    assert caplog.text.count("kiosk.certificate: ") == 1
    assert str(path) in caplog.text
    with pytest.raises(UnusableError):
        certificate.load()


def sparse(path):
    with path.open("wb") as file:
        file.truncate(1 << 30)


@pytest.mark.parametrize(
    "put_there", [os.mkfifo, Path.mkdir, sparse, lambda path: path.symlink_to("/dev/zero")]
)
@pytest.mark.parametrize("kind", ["pem", "key"])
def test_what_openssl_would_read_for_ever_is_not_read(
    tmp_path, certificate, caplog, kind, put_there
):
    """The loop would stand still: it reads them when a visitor comes."""
    first = certificate.context()
    path = tmp_path / f"page.{kind}"
    path.unlink()
    put_there(path)
    read = Thread(target=certificate.context, daemon=True)
    read.start()
    read.join(2)
    assert not read.is_alive()
    assert certificate.context() is first
    assert caplog.text.count(str(path)) == 1


def test_a_file_that_may_be_read_now_is_read_again(tmp_path, certificate):
    first = certificate.context()
    (tmp_path / "page.key").chmod(0o400)
    assert certificate.context() is not first


def test_refusals_are_counted_and_told_once_a_minute(caplog):
    caplog.set_level(logging.INFO)
    now_s = 0.0
    refusals = Refusals(lambda: now_s)
    for _ in range(1000):
        refusals.add("kiosk", "400")
        refusals.add("kiosk", ABORTED)
        refusals.fail("metrics", ValueError("x"))
    assert refusals.counts == {
        ("kiosk", "400"): 1000,
        ("kiosk", ABORTED): 1000,
        ("metrics", "500"): 1000,
    }
    assert len(caplog.records) == 2
    now_s = 61.0
    refusals.add("kiosk", "421")
    assert len(caplog.records) == 3
    assert "kiosk 400 (999x), kiosk 421 (1x), kiosk aborted (1000x)" in caplog.text


def test_what_browsers_do_all_day_is_counted_only(caplog):
    caplog.set_level(logging.INFO)
    refusals = Refusals()
    for _ in range(100):
        refusals.add("kiosk", ABORTED)
    assert refusals.counts["kiosk", ABORTED] == 100
    assert caplog.text == ""


def record(name, line, level=logging.WARNING):
    return logging.LogRecord(name, level, "x.py", line, "said %d", (7,), None)


def test_a_library_says_the_same_once_a_minute_and_we_much_more():
    now_s = 0.0
    spare = RateLimit(lambda: now_s)
    assert [spare.filter(record("asyncio", 1)) for _ in range(3)] == [True, False, False]
    assert spare.filter(record("asyncio", 2))
    assert spare.filter(record("aiohttp.web", 1))
    assert all(spare.filter(record("voiced.api.kiosk", 1)) for _ in range(3))
    assert [spare.filter(record("aiohttp.web", 1, logging.DEBUG)) for _ in range(2)] == [
        True,
        False,
    ]
    now_s = 60.0
    after = record("asyncio", 1)
    assert spare.filter(after)
    assert after.getMessage() == "said 7 (and 2 like it before)"


@pytest.mark.parametrize(
    ("level", "every_s"), [(logging.INFO, OUR_EVERY_S), (logging.DEBUG, OUR_DEBUG_EVERY_S)]
)
def test_a_line_of_ours_that_others_can_have_written_without_end_is_written_seldom(level, every_s):
    now_s = 0.0
    spare = RateLimit(lambda: now_s)
    told = [spare.filter(record("voiced.host.journal", 1, level)) for _ in range(5000)]
    assert told.count(True) == OUR_BURST
    assert spare.filter(record("voiced.host.journal", 1, logging.WARNING))
    assert spare.filter(record("voiced.host.journal", 2, level))
    now_s = every_s
    after = record("voiced.host.journal", 1, level)
    assert spare.filter(after)
    assert after.getMessage() == "said 7 (and 4700 like it before)"
    assert not spare.filter(record("voiced.host.journal", 1, level))
    now_s += OUR_BURST * every_s
    assert all(spare.filter(record("voiced.host.journal", 1, level)) for _ in range(OUR_BURST))
