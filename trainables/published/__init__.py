"""Choices of the code that the authors of coupled diffusion published, each to be switched on alone.

They explain why its numbers differ from this project's. Nothing of the product uses them: they wrap its
processes, its classifier, its evaluator and its training.
"""
