"""Whom a TLS context trusts: the system and one file more, as they are now (tls.py)."""

import shutil

import pytest

from tests.wire.certificates import Authority
from voiced.devices.network.tls import MOST_CONTEXTS, tls_context


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    folders = [tmp_path_factory.mktemp(name) for name in ("system", "own", "other")]
    return [Authority.found(folder).folder / "ca.pem" for folder in folders]


@pytest.fixture
def files(tmp_path, authorities, monkeypatch):
    """The system's bundle and a file of the owner."""
    bundle, own = tmp_path / "bundle.pem", tmp_path / "own.pem"
    shutil.copy(authorities[0], bundle)
    shutil.copy(authorities[1], own)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return bundle, own


def numbers(ca_file):
    return sorted(each["serialNumber"] for each in tls_context(ca_file).get_ca_certs())


def test_the_owners_file_is_trusted_besides_the_systems_own(files):
    _, own = files
    assert len(numbers(str(own))) == 2
    assert len(numbers(None)) == 1


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", ["in its place", "over it"])
def test_a_file_that_was_changed_counts_at_once(files, authorities, which, how):
    before = numbers(str(files[1]))
    assert tls_context(str(files[1])) is tls_context(str(files[1]))
    if how == "over it":
        files[which].write_bytes(authorities[2].read_bytes() + b"\n")
    else:
        new = files[which].with_suffix(".new")
        shutil.copy(authorities[2], new)
        new.replace(files[which])
    after = numbers(str(files[1]))
    assert len(after) == 2
    assert after != before
    assert len(set(after) & set(before)) == 1


def test_contexts_of_files_that_were_are_not_kept_for_ever(files):
    kept = tls_context(str(files[1]))
    for number in range(MOST_CONTEXTS + 1):
        files[0].write_bytes(files[0].read_bytes() + b"\n" * (number + 1))
        tls_context(str(files[1]))
    assert tls_context(str(files[1])) is not kept
