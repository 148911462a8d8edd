"""Measuring a point of a strategy: sampling, judging, counting, and the records of it."""
