"""Diffusion processes: how a clean state is noised, and how a step back is made."""
