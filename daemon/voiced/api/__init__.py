"""Everything by which the device is seen and controlled from outside."""
