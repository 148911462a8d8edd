"""Training of the parts: stages (one file each), the loop they share, and the store of what is done."""
