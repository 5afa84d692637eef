"""Discrete cosine transforms, and low-passes made of them (after Utz et al. 2023)."""
