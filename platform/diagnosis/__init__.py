"""What `platform.diagnose` does: guiding classifiers of a mixture of known truth, and of images and words."""
