"""Names of the precisions that networks compute in; apart from `precision`, because torch is slow to
import and the command line needs the names before anything runs.
"""

PRECISIONS = ("auto", "float32", "bf16")
"""Names of precisions; "auto" is bf16 where the device computes in it, else float32."""
