"""Synthetic nuclei and membranes: shapes, textures, a microscope, and fitting them."""
