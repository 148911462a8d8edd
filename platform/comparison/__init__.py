"""What `platform.compare` does: read sweeps from MLflow, pool their training seeds, test, and write."""
