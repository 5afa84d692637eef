"""A file format from outside of the package, written plane by plane: what a codec needs."""

import numpy as np

from napari_diversify.files.numpy_files import images, read

__all__ = ["images", "read", "write", "write_planes"]


def write(path, header, array, *, labels=False, tell=lambda n: None, **settings):
    write_planes(path, header, np.asarray(array[...]).reshape(-1, *header.shape[-2:]))
    tell(int(np.prod(header.shape)))


def write_planes(path, header, planes, *, labels=False, **settings):
    voxels = np.stack(list(planes)).reshape(header.shape)
    with open(path, "wb") as file:
        np.save(file, voxels)
