"""Measurement of a strategy's point: sampling, judging, counting calls, and the records."""
