"""Pareto mathematics, and the tables and figures that show a front."""
