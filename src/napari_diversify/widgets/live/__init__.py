"""Layers that follow settings, and never make the window wait."""
