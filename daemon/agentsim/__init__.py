"""Stand-in agent servers: for the demo, for tests, for trying without an account."""
