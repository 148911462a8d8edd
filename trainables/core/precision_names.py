"""Names of what networks compute in; a module of its own, since torch is slow to import and names are asked
for before anything runs.
"""

PRECISIONS = ("auto", "float32", "bf16")
"""Names of precisions; "auto" is bf16 where the device computes in it, else float32."""
