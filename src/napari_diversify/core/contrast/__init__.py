"""Contrast that is lost with depth in tissue (after DeepContrast, 2023)."""
