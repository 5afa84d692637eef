"""OME-TIFF files of all kinds, written by hand: tifffile writes sound ones only."""

from xml.sax.saxutils import escape, quoteattr

import numpy as np
import tifffile

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def pattern(shape, dtype="uint16", seed=0):
    """Voxels that are all different, or nearly so."""
    return np.random.default_rng(seed).integers(100, 250, shape).astype(dtype) + np.arange(
        np.prod(shape), dtype=dtype
    ).reshape(shape)


def uuid(letter):
    return f"urn:uuid:{letter * 8}-0000-4000-8000-000000000000"


def ome(*images, root="", more=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{SCHEMA}"{root}>'
        f"{''.join(images)}{more}</OME>"
    )


def tiff_data(ifd=None, count=None, file=None, uuid=None, **first):
    """An element TiffData; ``first`` is z=0 and the like."""
    attributes = "".join(f' First{axis.upper()}="{n}"' for axis, n in first.items())
    attributes += "" if ifd is None else f' IFD="{ifd}"'
    attributes += "" if count is None else f' PlaneCount="{count}"'
    if file is None and uuid is None:
        return f"<TiffData{attributes}/>"
    name = "" if file is None else f" FileName={quoteattr(file)}"
    return f"<TiffData{attributes}><UUID{name}>{uuid or ''}</UUID></TiffData>"


def image(
    shape, data=None, *, number=0, name="image", order="XYZCT", axes="zyx", attributes="", more="",
    dtype="uint16", channels=None,
):  # fmt: skip
    """An element Image for voxels of ``shape`` along ``axes``."""
    sizes = dict(zip(axes, shape, strict=True))
    planes = int(np.prod([n for a, n in sizes.items() if a not in "yx"]))
    said = "".join(f' Size{a.upper()}="{sizes.get(a, 1)}"' for a in "xyzct")
    if channels is None:
        channels = "".join(
            f'<Channel ID="Channel:{number}:{c}" SamplesPerPixel="1"/>'
            for c in range(sizes.get("c", 1))
        )
    data = tiff_data(0, planes) if data is None else data
    return (
        f'<Image ID="Image:{number}" Name="{escape(name)}"><Pixels ID="Pixels:{number}" '
        f'DimensionOrder="{order}" Type="{dtype}"{said} {attributes}>{channels}{data}{more}'
        "</Pixels></Image>"
    )


def write(path, voxels, text, **options):
    """Write planes with a description; voxels of which the last two axes are y and x."""
    tifffile.imwrite(
        path,
        voxels.reshape(-1, *voxels.shape[-2:]),
        photometric="minisblack",
        description=text.encode() if isinstance(text, str) else text,
        metadata=None,
        **options,
    )
    return path
