"""The sampling loop: moves, the engine that plays them, its state, shared beginnings, the meter."""
