"""The sound system's own share: a bare read loop and a bare write loop, and nothing else."""

import argparse
import signal
import threading

CAPTURE_HZ = 16_000
PLAYBACK_HZ = 48_000
PERIOD_S = 0.02


def main() -> None:
    """Capture and play silence, as `voiced` opens the devices, until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--microphone", required=True)
    parser.add_argument("--speaker", required=True)
    options = parser.parse_args()
    threads = [
        threading.Thread(target=_read, args=(options.microphone,), daemon=True),
        threading.Thread(target=_write, args=(options.speaker,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    signal.sigwait({signal.SIGTERM})


def _read(device: str) -> None:
    import alsaaudio

    pcm = alsaaudio.PCM(
        type=alsaaudio.PCM_CAPTURE,
        device=device,
        rate=CAPTURE_HZ,
        channels=1,
        periodsize=int(CAPTURE_HZ * PERIOD_S),
        periods=16,
    )
    while True:
        pcm.read()


def _write(device: str) -> None:
    import alsaaudio

    pcm = alsaaudio.PCM(
        type=alsaaudio.PCM_PLAYBACK,
        device=device,
        rate=PLAYBACK_HZ,
        channels=2,
        periodsize=int(PLAYBACK_HZ * PERIOD_S),
    )
    silence = bytes(int(PLAYBACK_HZ * PERIOD_S) * 4)
    while True:
        pcm.write(silence)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
