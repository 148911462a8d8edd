"""Diffusion processes: how clean states are noised, and how sampling steps back."""
