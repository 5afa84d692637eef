"""The dock “Synthetic nuclei”."""
