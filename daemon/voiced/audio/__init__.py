"""Sound in memory: sample rates, encodings, queues, levels. No I/O, no threads of its own."""
