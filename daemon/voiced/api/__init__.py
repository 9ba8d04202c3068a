"""Everything that shows the device to the outside or controls it from there."""
