"""Networks: classifiers, signal denoisers, logit denoisers, and the contracts they keep."""
