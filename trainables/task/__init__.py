"""A task's recipe, and the networks and processes that it stands for."""
