"""Discrete cosine transforms, and the low-passes built on them (after Utz et al. 2023)."""
