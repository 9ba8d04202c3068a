"""Print what the parts of Home Assistant that are tried here need beside its core. Run by its own Python."""

import json
from pathlib import Path

import homeassistant.components

PARTS = (
    *("mqtt", "mcp_server", "conversation", "intent", "template", "light", "input_boolean"),
    *("api", "config", "frontend", "lovelace", "onboarding", "person"),
    # What those look for as they start.
    *("hassio", "ffmpeg", "tts", "stt", "assist_pipeline", "assist_satellite", "camera", "stream"),
    *("image_upload", "infrared", "radio_frequency"),
)


def needed(parts):
    folder = Path(next(iter(homeassistant.components.__path__)))
    found, looked, left = set(), set(), [*parts]
    while left:
        part = left.pop()
        manifest = folder / part / "manifest.json"
        if part in looked or not manifest.exists():  # older ones do not have all of them
            continue
        looked.add(part)
        told = json.loads(manifest.read_text())
        found |= {*told.get("requirements", ())}
        left += told.get("dependencies", ())
    return sorted(found)


if __name__ == "__main__":
    print("\n".join(needed(PARTS)))
