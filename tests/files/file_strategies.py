"""Random headers and the voxels that go with them."""

import numpy as np
from hypothesis import strategies as st

from napari_diversify.files import Header

LENGTHS = ["micrometer", "nanometer", "millimeter", None]
TEXT = st.text("abcABC 09_-.,()<>&\"'{}äµσ€𝛔", min_size=1, max_size=12).filter(
    lambda t: t == t.strip()
)
PROVENANCE = st.none() | st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@st.composite
def headers(draw, dtypes=("uint8", "uint16", "uint32", "int16", "float32"), largest=40):
    axes = "".join(a for a in "tcz" if draw(st.booleans())) + "yx"
    shape = [draw(st.integers(1, 3 if a in "tc" else 7 if a == "z" else largest)) for a in axes]
    scale = [1.0 if a == "c" else draw(st.floats(1e-3, 1e3)) for a in axes]
    units = [
        None
        if a == "c"
        else draw(st.sampled_from(["second", "millisecond", None] if a == "t" else LENGTHS))
        for a in axes
    ]
    n_channels = shape[axes.index("c")] if "c" in axes else 1
    channels = draw(st.just(()) | st.lists(TEXT, min_size=n_channels, max_size=n_channels))
    return Header(
        shape,
        draw(st.sampled_from(dtypes)),
        axes,
        scale,
        units,
        tuple(channels),
        draw(TEXT),
        draw(PROVENANCE),
    )


def voxels(header, seed=0):
    """Values over the whole range of the dtype, its ends included."""
    rng = np.random.default_rng(seed)
    if header.dtype.kind == "f":
        return rng.normal(size=header.shape).astype(header.dtype)
    limits = np.iinfo(header.dtype)
    out = rng.integers(limits.min, limits.max, header.shape, header.dtype, endpoint=True)
    out.flat[0] = limits.max
    return out


def planes(array):
    return array.reshape(-1, *array.shape[-2:])


def bytes_of(path):
    """Every file under a path, by name."""
    return {p.relative_to(path): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
