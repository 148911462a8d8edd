"""NCSN++, the signal denoiser of SGMSE."""
