"""Images on disk: reading and writing with their metadata, and layouts of training sets."""

from .arranged import Arranged, Cut
from .dtypes import check_dtype
from .entry import Entry
from .glance import is_plate, may_hold_image
from .header import AXES, Header, header_of
from .label_values import LabelPlan, check_labels
from .layouts import (
    FORMATS,
    LAYOUTS,
    Item,
    Layout,
    check_names,
    paths,
    semantic_planes,
    write_extras,
)
from .looks import Looks, looks_of
from .ome_zarr import (
    create,
    create_labels,
    finish,
    is_finished,
    reduced,
    slabs,
    write_all,
    write_reduced,
    write_slab,
)
from .open_voxels import channels_of
from .present import check_present
from .reading import (
    ENDINGS,
    ImageFile,
    images_in,
    inputs_in,
    is_image,
    is_zarr,
    labels_in,
    open_image,
    stem,
)
from .reading_zarr import missing_chunks
from .safe import check_free, check_name, free_name, remove, tidy, writing
from .tiff import planes_of, write_tiff

__all__ = [
    "AXES",
    "ENDINGS",
    "FORMATS",
    "LAYOUTS",
    "Arranged",
    "Cut",
    "Entry",
    "Header",
    "ImageFile",
    "Item",
    "LabelPlan",
    "Layout",
    "Looks",
    "channels_of",
    "check_dtype",
    "check_free",
    "check_labels",
    "check_name",
    "check_names",
    "check_present",
    "create",
    "create_labels",
    "finish",
    "free_name",
    "header_of",
    "images_in",
    "inputs_in",
    "is_finished",
    "is_image",
    "is_plate",
    "is_zarr",
    "labels_in",
    "looks_of",
    "may_hold_image",
    "missing_chunks",
    "open_image",
    "paths",
    "planes_of",
    "reduced",
    "remove",
    "semantic_planes",
    "slabs",
    "stem",
    "tidy",
    "write_all",
    "write_extras",
    "write_reduced",
    "write_slab",
    "write_tiff",
    "writing",
]
