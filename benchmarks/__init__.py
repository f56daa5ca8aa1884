"""Measured claims, each compared with a peer in the same run: `python -m benchmarks`."""
