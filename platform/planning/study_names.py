"""The name of a study's file, and the keys of what its trials note beside their values."""

JOURNAL = "study.journal"
"""The file in the sweep's folder that holds its study."""
POINT = "point"
"""The key of a trial's point, as the search space made it of the suggestions."""
RECORDS = "records"
"""The key of a complete trial's list of keys in the store of measurements, one a seed."""
