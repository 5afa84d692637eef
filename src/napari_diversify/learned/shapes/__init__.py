"""Shapes in 3D from pictures in 2D, after DISPR (Waibel et al. 2023).

Every object has a cube of its own, a few dozen voxels wide, with the object's picture in its
middle. Objects of labels and synthetic cells are :class:`.objects.Objects`; a network learns what
fills the cube (see :mod:`..training`), and :mod:`.prediction` makes volumes of a 2D image of it.

A sample is one draw from a distribution, never a measurement: look at several, and at the
frequency map, which says how often a voxel is part of its object.
"""
