"""The sampling loop: moves, the engine that plays them, its state, the prefix cache, the meter."""
