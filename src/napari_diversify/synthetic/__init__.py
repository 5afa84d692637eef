"""Synthetic specimens as data: their parameters, and what is made of them."""
