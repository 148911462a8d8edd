"""Networks for speech: NCSN++, Whisper, and the score networks of logits."""
