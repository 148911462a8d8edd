"""The machinery that runs the work: Ray, measuring on its actors, MLflow."""
