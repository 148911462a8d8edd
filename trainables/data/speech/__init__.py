"""Speech: reading audio, rooms and noise, cutting at silences, and a builder with a cache.

`datasets` holds one module a dataset; each has `recipe(root, options)`, what would be built, and
`load(root, cache, options, progress)`, which builds it once and then opens what was built.
"""
