"""Sound in memory: rates, codes, queues, levels. Pure: no I/O, no threads of its own."""
