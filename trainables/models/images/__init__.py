"""Networks of images: classifiers, the U-Net, logit denoisers."""
