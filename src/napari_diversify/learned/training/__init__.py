"""Trainings: what they see, what they keep small, how they go on, and how well a model does.

A training is a folder (see :mod:`.job`) and a process of its own; nothing here needs PyTorch to
be imported but what that process runs.
"""
