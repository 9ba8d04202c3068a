"""Commands to a chip, as the kernel would see them."""

import ctypes

import pytest

from voiced.devices.sound.usb_commands import USBDEVFS_CONTROL, Xvf3800, node_of


class Chip:
    """Answers like the firmware: first the status, then what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, _node, number, transfer):
        assert number == USBDEVFS_CONTROL
        payload = ctypes.string_at(transfer.payload, transfer.length)
        self.asked.append(
            (transfer.request_type, transfer.request, transfer.value, transfer.index, payload)
        )
        if self.answers:
            answer = self.answers.pop(0)
            ctypes.memmove(transfer.payload, answer, len(answer))
        return 0


@pytest.fixture
def node(tmp_path):
    path = tmp_path / "004"
    path.touch()
    return path


def test_the_ioctl_number_is_the_kernels():
    expected = {8: 0xC0185500, 4: 0xC0105500}
    assert expected[ctypes.sizeof(ctypes.c_void_p)] == USBDEVFS_CONTROL


def test_the_version_is_asked_again_until_the_chip_is_ready(node):
    chip = Chip(bytes([64, 0, 0, 0]), bytes([0, 2, 0, 10]))
    assert Xvf3800(node, chip).version() == (2, 0, 10)
    assert [asked[:4] for asked in chip.asked] == [(0xC0, 0, 0x80, 48)] * 2


@pytest.mark.parametrize("answers", [[bytes([5, 0, 0, 0])], [bytes([64, 0, 0, 0])] * 9])
def test_a_chip_that_does_not_answer_is_an_error(node, answers):
    with pytest.raises(OSError, match="status"):
        Xvf3800(node, Chip(*answers)).version()


def test_a_reboot_is_one_command_that_writes_nothing_permanent(node):
    chip = Chip()
    Xvf3800(node, chip).reboot()
    assert chip.asked == [(0x40, 0, 7, 48, b"\x01")]


def test_a_device_that_is_gone_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Xvf3800(tmp_path / "005").reboot()
    assert str(node_of("001/004\n")) == "/dev/bus/usb/001/004"
