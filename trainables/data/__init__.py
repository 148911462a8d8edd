"""Datasets (one file each in `datasets`), corruptions (one file each in `corruptions`) and splits."""
