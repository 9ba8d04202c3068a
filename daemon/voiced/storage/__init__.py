"""What outlives the process: one store for every file, which is whole whenever the power goes."""
