"""What runs inside Ray's processes: the only rung that imports Ray."""
