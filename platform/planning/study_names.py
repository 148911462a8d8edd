"""What a sweep's study is kept in, and what its trials note beside their values."""

JOURNAL = "study.journal"
"""The file in the sweep's folder."""
POINT = "point"
"""A trial's point, as the search space made it of what was suggested."""
RECORDS = "records"
"""A complete trial's keys in the store of measurements, one a seed."""
