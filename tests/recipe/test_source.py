"""A slow array is read by whole chunks, once, whoever asks, and never more than fits."""

import gc
import mmap
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import basic_indices

from napari_diversify import LazyVolume, Recipe
from napari_diversify.core.blocks import exhaust
from napari_diversify.recipe import Diversify
from napari_diversify.recipe.lazy import pieces, source
from napari_diversify.recipe.lazy.cache import Cache
from napari_diversify.recipe.lazy.source import Source, in_memory, original

IMAGE = np.random.default_rng(0).integers(0, 60_000, (11, 40, 50)).astype(np.uint16)


class Counted:
    """An array that is not in memory, and counts how it is read."""

    def __init__(self, array, chunks=None):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.keys, self._at_once = [], 0
        self.most_at_once = 0
        if chunks is not None:
            self.chunks = chunks

    def __getitem__(self, key):
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.keys.append(key)
        time.sleep(0.001)
        self._at_once -= 1
        return self.array[key]

    def voxels(self):
        """How often each voxel was read."""
        counts = np.zeros(self.shape, int)
        for key in self.keys:
            counts[key] += 1
        return counts


@pytest.fixture(autouse=True)
def chunks_kept(monkeypatch):
    """A cache of chunks of this test alone, and pieces as small as the chunks are."""
    cache = Cache(1 << 20)
    monkeypatch.setattr(source, "_CHUNKS", [cache])
    monkeypatch.setattr(pieces, "_LEAST", 1)
    return cache


# ---- any part, of any array ----

CHUNKS = st.one_of(
    st.none(),
    st.tuples(st.integers(1, 11), st.integers(1, 40), st.integers(1, 50)),
    st.just(((5, 6), (20, 0, 20), (50,))),
    st.just((0, 1, 1)),  # nonsense
)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), chunks=CHUNKS, budget=st.sampled_from([0, 5_000, 60_000, 1 << 20]))
def test_any_part_is_that_part_of_the_array(data, chunks, budget):
    cache = Cache(budget)
    source._CHUNKS[:] = [cache]
    array = Source.of(Counted(IMAGE, chunks))
    for _ in range(3):
        key = data.draw(basic_indices(IMAGE.shape, allow_newaxis=False))
        got = array[key]
        np.testing.assert_array_equal(got, IMAGE[key], strict=True)
        got = array.streamed()[key]
        np.testing.assert_array_equal(got, IMAGE[key], strict=True)


@pytest.mark.parametrize("kind", ["dask", "zarr", "memmap"])
def test_arrays_of_libraries_are_read_right(kind, tmp_path):
    if kind == "dask":
        array = da.from_array(IMAGE, chunks=((4, 7), (13, 27), 50))
    elif kind == "zarr":
        array = zarr.create_array({}, shape=IMAGE.shape, chunks=(4, 16, 16), dtype=IMAGE.dtype)
        array[:] = IMAGE
    else:
        array = np.memmap(tmp_path / "image", IMAGE.dtype, "w+", shape=IMAGE.shape)
        array[:] = IMAGE
    read = Source.of(array)
    assert not read.in_memory
    for key in (3, np.s_[2:9, 5], ..., np.s_[:, ::7, -1]):
        np.testing.assert_array_equal(read[key], IMAGE[key], strict=True)


# ---- once ----


def test_chunks_are_read_whole_and_once():
    array = Counted(IMAGE, (4, 16, 16))
    read = Source.of(array)
    for z in (1, 2, 3, 0, 2):
        read[z, 3:30, 3:30]
    counts = array.voxels()
    assert set(np.unique(counts[:4, :32, :32])) == {1}
    assert counts.sum() == 4 * 32 * 32


def test_planes_are_read_whole_where_there_are_no_chunks():
    array = Counted(IMAGE)
    read = Source.of(array)
    read[3:6, 5:30, 5:9]
    read[2:6, 30:35]
    assert [key[0] for key in array.keys] == [slice(3, 6, 1), slice(2, 3, 1)]
    assert (array.voxels()[2:6] == 1).all()


def test_a_cut_across_all_planes_does_not_read_them_all_where_there_are_no_chunks(monkeypatch):
    monkeypatch.setattr(source, "_WASTE", 8)
    array = Counted(IMAGE)
    np.testing.assert_array_equal(Source.of(array)[:, 7], IMAGE[:, 7])
    assert array.voxels().sum() == 11 * 50


def test_threads_that_need_the_same_chunks_read_them_once_and_one_at_a_time():
    array = Counted(IMAGE, (4, 16, 16))
    read, start = Source.of(array), threading.Barrier(8)

    def look(seed):
        start.wait()
        for z in np.random.default_rng(seed).permutation(11):
            np.testing.assert_array_equal(read[z], IMAGE[z])

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(look, seed) for seed in range(8)]:
            done.result()
    assert (array.voxels() == 1).all()
    assert array.most_at_once == 1


def test_all_who_look_at_an_array_share_what_is_read():
    array = Counted(IMAGE, (4, 16, 16))
    read = Source.of(array)
    assert Source.of(array) is Source.of(read) is read
    assert Source.of(Counted(IMAGE)) is not read
    assert original(read) is array
    recipe = Recipe(steps=(Diversify(),), intensity_range=(0, 60_000))
    for seed in (1, 2):
        LazyVolume(Source.of(array), recipe.replace(seed=seed))[5]
    assert array.voxels().max() == 1


# ---- at hand ----


def test_it_is_known_what_can_be_had_without_reading():
    array = Counted(IMAGE, (4, 16, 16))
    read = Source.of(array)
    region = (range(1, 2), range(40), range(50))
    assert not read.at_hand(region)
    progress = list(read.reading(region))
    assert progress == [(n, len(progress)) for n in range(len(progress))]
    reads = len(array.keys)
    assert read.at_hand(region)
    assert read.at_hand((range(4), range(10), range(9, 30)))
    assert not read.at_hand((range(3, 5), range(10), range(10)))
    read[1]
    assert len(array.keys) == reads
    assert Source.of(IMAGE).at_hand((range(11), range(40), range(50)))


def test_reading_much_can_be_stopped_in_between(monkeypatch):
    monkeypatch.setattr(pieces, "_AT_ONCE", 3000)
    array = Counted(IMAGE, (4, 16, 16))
    reading = Source.of(array).reading((range(11), range(40), range(50)))
    next(reading)
    next(reading)
    reading.close()
    assert 0 < array.voxels().sum() < IMAGE.size / 4


# ---- bounded ----


def test_no_more_is_kept_than_fits(chunks_kept):
    chunks_kept.budget = 10_000
    read = Source.of(Counted(IMAGE, (1, 40, 50)))
    for z in range(11):
        read[z]
        assert chunks_kept._bytes <= 10_000
    assert sum(read.at_hand((range(z, z + 1), range(40), range(50))) for z in range(11)) == 2


def test_reading_from_end_to_end_drives_out_nothing(chunks_kept):
    chunks_kept.budget = 20_000
    array = Counted(IMAGE, (1, 40, 50))
    read, plane = Source.of(array), (range(3, 4), range(40), range(50))
    read[3]
    whole = read.streamed()
    for z in range(11):
        np.testing.assert_array_equal(whole[z], IMAGE[z])
    assert read.at_hand(plane)
    assert array.voxels()[3].max() == 1  # what was kept is made use of


def test_what_nobody_looks_at_any_more_is_let_go(chunks_kept):
    array = Counted(IMAGE, (4, 16, 16))
    read, gone = Source.of(array), weakref.ref(array)
    read[3]
    assert chunks_kept._bytes > 0
    del read, array
    gc.collect()
    assert gone() is None
    assert chunks_kept._bytes == 0


def test_a_chunk_of_all_voxels_is_not_kept_if_it_is_huge(monkeypatch):
    monkeypatch.setattr(pieces, "_MOST", 1000)
    array = Counted(IMAGE, IMAGE.shape)
    read = Source.of(array)
    np.testing.assert_array_equal(read[3], IMAGE[3])
    assert array.voxels().sum() == 40 * 50


def test_small_chunks_are_read_together(monkeypatch):
    monkeypatch.setattr(pieces, "_LEAST", 4000)
    array = Counted(IMAGE, (1, 5, 5))
    np.testing.assert_array_equal(Source.of(array)[3, :5, :5], IMAGE[3, :5, :5])
    assert len(array.keys) == 1
    assert 2000 <= array.voxels().sum() * 2 <= 8000


# ---- edited ----


def test_an_edit_is_seen_once_it_is_announced():
    image = IMAGE.copy()
    read = Source.of(Counted(image, (4, 16, 16)))
    read[3]
    edition = read.edition
    image[3] = 7
    np.testing.assert_array_equal(read[3], IMAGE[3])
    read.edited()
    assert read.edition is not edition
    np.testing.assert_array_equal(read[3], image[3])


def test_what_was_read_before_an_edit_is_not_kept_as_if_it_were_new():
    image = IMAGE.copy()
    array = Counted(image, (4, 16, 16))
    read = Source.of(array)
    reading = read.reading((range(1), range(40), range(50)))
    next(reading)  # it has begun
    image[0] = 7
    read.edited()
    exhaust(reading)
    np.testing.assert_array_equal(read[0], image[0])


def test_an_edit_reaches_every_volume_of_the_array():
    image = IMAGE.copy()
    recipe = Recipe(steps=(Diversify(),), intensity_range=(0, 60_000))
    cache = Cache()
    volumes = [LazyVolume(image, recipe, cache=cache) for _ in range(2)]
    volumes.append(LazyVolume(Source.of(image), recipe))
    for volume in volumes:
        volume[3]
    image[1:6] = image[1:6, ::-1]
    volumes[0].source_edited()
    for volume in volumes:
        np.testing.assert_array_equal(volume[3], recipe.apply(image)[3])


# ---- in memory or not ----


def test_a_mapped_file_is_not_in_memory_however_it_is_looked_at(tmp_path):
    mapped = np.memmap(tmp_path / "image", "u2", "w+", shape=(4, 5, 6))
    assert not in_memory(mapped)
    assert not in_memory(np.asarray(mapped)[1:])
    assert not in_memory(mapped.view(np.ndarray).reshape(20, 6)[::2])
    with (tmp_path / "image").open("r+b") as file, mmap.mmap(file.fileno(), 0) as map_:
        array = np.frombuffer(map_, "u2")
        assert not in_memory(array)
        del array


def test_arrays_in_memory_are(tmp_path):
    assert in_memory(IMAGE)
    assert in_memory(IMAGE[::2].transpose())
    assert in_memory(np.frombuffer(bytes(40), "u2"))
    assert in_memory(np.frombuffer(bytearray(40), "u2"))
    assert not in_memory(da.from_array(IMAGE))
    assert not in_memory(Counted(IMAGE))
    assert Source.of(IMAGE)[3].base is not None  # looked at, not copied
