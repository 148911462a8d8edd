"""Networks of speech: NCSN++, Whisper, scores of logits."""
