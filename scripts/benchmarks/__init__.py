"""Measures of `voiced` against its budgets and against a plain client. Run by scripts/bench."""
