"""Long runs; CI does them after everything else."""
