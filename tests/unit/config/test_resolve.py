"""Which settings a device runs with (resolve.py): the newest that can be used."""

import pytest

from voiced.assembly.factory import catalogue
from voiced.config import history as rec
from voiced.config.history import Record, Sent
from voiced.config.load import Examined, Source, as_texts, examine_sources, read
from voiced.config.resolve import choose, overlay_of, receive
from voiced.config.yaml_document import parse
from voiced.errors import ConfigError

LOCAL = """\
version: 1
device: {name: kitchen}
agent: {url: "ws://127.0.0.1:1/"}
remote: {url: "https://config.test/x"}
"""
MISSING = ConfigError("/etc/voiced/voiced.yaml", "cannot be read (No such file or directory)")
KEY = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"


def files(*texts):
    return [Source(f"{n}.yaml", text.encode()) for n, text in enumerate(texts)]


def chosen(sources, record=None):
    missing = isinstance(sources, ConfigError)
    found = Examined((sources,)) if missing else examine_sources(sources, catalogue())
    return choose(found, record or Record(), catalogue())


def kept(*texts, good=None, trial=None, **more):
    record = Record(local=as_texts(files(*texts)), good=good, **more)
    return record if trial is None else rec.propose(record, trial)


def test_a_drop_in_counts_before_the_file_and_the_server_before_both():
    sent = Sent("revision: 3\nlog: {level: error}\n", 3)
    found = chosen(
        files(LOCAL + "log: {level: info}\n", "wake: {idle_timeout_s: 7}\n"), kept(good=sent)
    )
    assert found.best.settings.log.level == "error"
    assert found.best.settings.wake.idle_timeout_s == 7
    assert found.local.settings.log.level == "info"
    assert found.best.document.where(("log", "level")) == "remote revision 3:2: log.level"
    assert (found.complaint, found.refused) == (None, None)


BROKEN = ["version: [", "version: 1\nlog: {level: loud}\n", LOCAL + "nonsense: 1\n", "\x00", ""]


@pytest.mark.parametrize("text", BROKEN[:-1])
def test_files_that_cannot_be_used_leave_the_last_good_ones(text):
    found = chosen(files(text), kept(LOCAL + "log: {level: error}\n"))
    assert found.best.settings.log.level == "error"
    assert found.complaint is not None
    assert found.local.sources[0].content.decode() == LOCAL + "log: {level: error}\n"


def test_a_file_that_is_gone_leaves_the_last_good_one():
    found = chosen(MISSING, kept(LOCAL))
    assert found.complaint is MISSING
    assert found.local.settings.device.name == "kitchen"


@pytest.mark.parametrize("sources", [MISSING, files("version: 2\n")])
@pytest.mark.parametrize("record", [Record(), kept("version: [")])
def test_without_any_that_can_be_used_the_newest_say_why(sources, record):
    with pytest.raises(ConfigError) as caught:
        chosen(sources, record)
    assert "remote" not in str(caught.value)
    assert caught.value is MISSING or "version" in str(caught.value)


def test_what_does_not_fit_any_more_is_left_out_and_told_of():
    sent = Sent("network: {replay_s: 20}\n")
    local = LOCAL + "network: {resume_window_s: 17}\n"
    found = chosen(files(local), kept(LOCAL, good=sent))
    assert found.best.settings.network.replay_s == 10
    assert "17" in str(found.refused)
    assert found.record.good == sent


def test_a_trial_that_does_not_fit_is_taken_back_for_the_last_good():
    good, bad = Sent("log: {level: error}\n"), Sent("log: {level: loud}\n")
    found = chosen(files(LOCAL), kept(LOCAL, good=good, trial=bad))
    assert found.best.settings.log.level == "error"
    assert found.record.trial is None
    assert found.record.failed[0].digest == bad.digest


def test_what_was_sent_counts_only_while_there_is_a_server_and_under_its_key():
    sent = Sent("log: {level: error}\n")
    alone = LOCAL.replace("remote:", "# remote:")
    assert chosen(files(alone), kept(good=sent)).best.settings.log.level == "info"
    signed = LOCAL.replace('/x"', f'/x", public_key: {KEY}')
    found = chosen(files(signed), kept(good=sent))
    assert found.best.settings.log.level == "info"
    assert found.record.public_key == KEY
    assert chosen(files(signed), kept(good=sent, public_key=KEY)).best.settings.log.level == "error"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("log: {level: info}\nlog: {level: debug}\n", "remote:2: log: already set on line 1"),
        ("agent: {url: 'wss://evil.test/'}\n", "remote:1: agent.url: only the device's own file"),
        ("device: {name: hall}\nremote: {allow: [agent]}\n", "and 1 more"),
        ("devices: {hall: {}}\n", "not among them"),
    ],
)
def test_what_a_server_may_not_send_is_refused_with_its_line(text, told):
    local = chosen(files(LOCAL)).local.settings
    with pytest.raises(ConfigError) as caught:
        overlay_of(parse(text.encode(), "remote"), local, catalogue())
    assert told in str(caught.value)


def test_the_device_may_allow_more():
    local = chosen(files(LOCAL.replace('/x"', '/x", allow: [agent.url]'))).local.settings
    sent = parse(b"agent: {url: 'wss://mine.test/'}", "remote")
    overlay = overlay_of(sent, local, catalogue())
    assert overlay.value == {"agent": {"url": "wss://mine.test/"}}


def test_the_serial_number_is_read_from_what_was_sent():
    received = receive(b"revision: 12\n", 5.0)
    assert received.sent == Sent("revision: 12\n", 12, 5.0)
    assert received.document.where(("revision",)) == "remote revision 12:1: revision"
    assert receive(b"log: {}\n", 5.0).sent.revision is None
    with pytest.raises(ConfigError, match="UTF-8"):
        receive(b"\xff", 0.0)


def test_files_and_drop_ins_are_read_in_the_order_of_their_names(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(LOCAL)
    (tmp_path / "conf.d").mkdir()
    for name in ("20-b.yaml", "10-a.yaml", ".hidden.yaml", "30-c.yaml~", "40-d.txt"):
        (tmp_path / "conf.d" / name).write_text("log: {}\n")
    names = [each.name.removeprefix(f"{tmp_path}/") for each in read(path)]
    assert names == ["voiced.yaml", "conf.d/10-a.yaml", "conf.d/20-b.yaml"]


def test_a_drop_in_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "voiced.yaml"
    path.write_text(LOCAL)
    (tmp_path / "conf.d" / "10.yaml").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"conf\.d/10\.yaml.*it is a folder"):
        read(path)
