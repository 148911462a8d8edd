"""Speech datasets, one a file, named after it: `fsdd_reverb.py` is `fsdd-reverb`.

Each has `Options`, all that can be chosen; `recipe(root, options)`, what would be built, from a look
at the directory alone; and `load(root, cache, options, progress)`, which builds it once.
"""
