"""Code of Ray's workers, the only sub-package of trainables that imports Ray."""
