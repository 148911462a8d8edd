"""Speech: layouts of published corpora, rooms and noise, cutting at silences, and a builder with a cache
of pairs of clean and corrupted.
"""
