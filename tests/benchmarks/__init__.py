"""Measurements, each a ratio to something measured in the same run: `python -m tests.benchmarks.<name>`.

A script prints its ratio and the most it may be, and ends with 1 where it is above.
"""
