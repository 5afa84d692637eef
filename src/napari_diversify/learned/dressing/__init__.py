"""Dressing: pictures for synthetic masks that look like the user's own images.

A CycleGAN (after Utz et al. 2023) whose pictures pass a guard, a low-pass and noise as strong as
the detector's, so that the cycle cannot hide in them what they do not show.
"""
