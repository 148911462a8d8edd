"""What is asked for, checked before anything starts: the plan, its presets, its places, its forecast."""
