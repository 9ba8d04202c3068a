"""The state that survives a restart: one store for all files, safe against power cuts."""
