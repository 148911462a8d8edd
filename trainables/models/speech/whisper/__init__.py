"""Whisper as a frozen classifier of few words or tokens."""
