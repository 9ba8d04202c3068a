"""What happens, what follows from it, and nothing else: no asyncio, time, random, os, logging."""
