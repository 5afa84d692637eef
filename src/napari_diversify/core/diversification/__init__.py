"""Noise in proportion to the local standard deviation (Eschweiler et al. 2022)."""
