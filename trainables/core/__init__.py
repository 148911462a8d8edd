"""Modules that all other packages use: configuration, errors, plug-ins, noise, precision, memory, files."""
