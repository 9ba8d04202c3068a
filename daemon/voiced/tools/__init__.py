"""What the agent may call on this device."""
