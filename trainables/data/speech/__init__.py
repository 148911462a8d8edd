"""Speech: readers of published corpora, rooms and noise, cutting at silences, and a builder that keeps
pairs of clean and corrupted waveforms on disk.
"""
