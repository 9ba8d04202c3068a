"""The tools that come with voiced."""
