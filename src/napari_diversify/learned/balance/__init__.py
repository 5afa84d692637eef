"""Rare classes: whether it helps a classifier to be trained on predicted shapes as well.

The experiment of DISPR's authors, beside what costs nothing: weights, and rows that are repeated.
:mod:`.methods` trains a forest in each way, :mod:`.experiment` divides the objects and repeats,
:mod:`.classes` reads which object is of which class.
"""
