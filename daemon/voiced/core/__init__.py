"""The state machine: events, actions and the rules between them. No asyncio, time, random, os, logging."""
