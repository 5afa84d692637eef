"""Synthetic specimens as data: nuclei and membranes, with everything about their parameters.

A model is the whole recipe of a specimen; of what shape and voxel size it is to
be is said when it is made::

    nuclei = SyntheticNuclei(density=1.5, axis_ratio=1.6, seed=3)
    specimen = nuclei.specimen((64, 512, 512), (0.5, 0.2, 0.2))
    specimen.image[32]  # computed when it is indexed
    specimen.labels[32]

Ellipses as stand-ins for nuclei are those of Boehland et al., as Utz et al. (2023,
arXiv:2308.01769) use them; distributions, fit and rendering are ours.
"""
