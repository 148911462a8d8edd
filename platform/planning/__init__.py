"""The plan of the work, checked before anything starts, with its presets, its places and its timing."""
