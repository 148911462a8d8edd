"""Whisper as a frozen classifier of a closed set of words or tokens."""
