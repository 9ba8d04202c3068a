"""What any program could use: no knowledge of voiced."""
