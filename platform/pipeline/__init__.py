"""The steps of a sweep in their order: prepare, search, confirm, record."""
