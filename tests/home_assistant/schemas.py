"""Print the keys that Home Assistant's own schemas for MQTT have. Run by its own Python, from 2026.11 on."""

import importlib
import json
import sys

from homeassistant.components.mqtt import schemas


def keys(schema):
    """Return the keys of a schema, and whether each is needed."""
    found = {}
    within = getattr(schema, "schema", None)
    if isinstance(within, dict):
        found |= {str(key): type(key).__name__ == "Required" for key in within}
    elif within is not None:
        found |= keys(within)
    for each in getattr(schema, "validators", ()):
        found |= keys(each)
    return found


def main(platforms):
    found = {
        name: keys(
            importlib.import_module(f"homeassistant.components.mqtt.{name}").DISCOVERY_SCHEMA
        )
        for name in platforms
    }
    found["origin"] = keys(schemas.MQTT_ORIGIN_INFO_SCHEMA)
    found["device"] = keys(schemas.MQTT_DEVICE_INFO_SCHEMA)
    found["whole"] = keys(schemas.DEVICE_DISCOVERY_SCHEMA)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
