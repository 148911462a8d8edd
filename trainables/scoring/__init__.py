"""How answers and signals are scored: metric names, statistics, word errors, speech quality."""
