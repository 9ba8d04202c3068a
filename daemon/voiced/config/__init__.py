"""Settings: their shape, where they come from, what is wrong with them."""
