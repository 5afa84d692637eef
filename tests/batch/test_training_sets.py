"""What a batch writes is found by the tools it was written for, by their own rules."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from batch_jobs import job_of, made, noise, objects, table, write_source

SHAPE = (5, 24, 30)


@pytest.fixture
def raw(tmp_path):
    """Two volumes with labels, of a microscope that tells its voxel size."""
    fields = {"scale": (2.0, 0.5, 0.25), "units": ("micrometer",) * 3}
    for n, name in enumerate(("left", "right")):
        write_source(tmp_path / "raw" / f"{name}.tif", noise(SHAPE, seed=n), **fields)
        write_source(tmp_path / "masks" / f"{name}.tif", objects(SHAPE, seed=n), **fields)
    return tmp_path


@pytest.fixture
def train(raw):
    """Make a training set, with labels if the layout takes them."""

    def make(layout, *, inputs="raw", labels="masks", **settings):
        settings |= {"layout": layout, "samples": 2}
        settings |= {"labels": raw / labels} if labels else {}
        made(job_of(raw / inputs, raw / layout, **settings))
        return raw / layout

    return make


def visible(folder):
    return sorted(p.name for p in Path(folder).iterdir() if not p.name.startswith("."))


def test_stardist_finds_images_and_masks_of_the_same_names(train):
    root = train("stardist")
    images = sorted((root / "images").glob("*.tif"))
    masks = sorted((root / "masks").glob("*.tif"))
    assert [p.name for p in images] == [p.name for p in masks]
    assert len(images) == 4
    for image, mask in zip(map(tifffile.imread, images), map(tifffile.imread, masks), strict=True):
        assert image.shape == mask.shape == SHAPE
        assert mask.dtype.kind in "iu"
        assert mask.max() > 0


def test_cellpose_finds_a_mask_beside_every_plane(train):
    root = train("cellpose")
    files = [p for p in root.iterdir() if p.suffix == ".tif"]
    # as its reader does: whatever does not end with the filter is an image
    images = [p for p in files if not p.stem.endswith("_masks")]
    assert len(images) == 2 * 2 * 5
    assert len(files) == 2 * len(images)
    for image in images:
        mask = tifffile.imread(image.with_name(image.stem + "_masks.tif"))
        assert mask.shape == tifffile.imread(image).shape == SHAPE[1:]
    left = [tifffile.imread(root / f"left_0000_z{z}_masks.tif") for z in range(5)]
    np.testing.assert_array_equal(np.stack(left), objects(SHAPE))


def nnunet_case(root):
    """What nnU-Net reads, by its rules: {case: (images by channel, label, voxel size)}."""
    told = json.loads((root / "dataset.json").read_text())
    ending = told["file_ending"]
    found = {}
    for path in (root / "imagesTr").iterdir():
        if path.name.endswith(ending):
            case, channel = re.fullmatch(rf"(.+)_(\d{{4}}){re.escape(ending)}", path.name).groups()
            found.setdefault(case, {})[int(channel)] = path
    cases = {}
    for case, channels in found.items():
        label = root / "labelsTr" / f"{case}{ending}"
        spacings = [
            json.loads((root / folder / f"{case}.json").read_text())["spacing"]
            for folder in ("imagesTr", "labelsTr")
        ]
        assert spacings[0] == spacings[1]
        cases[case] = (channels, label, spacings[0])
    return told, cases


def test_nnunet_finds_its_cases_classes_and_voxel_sizes(train):
    told, cases = nnunet_case(train("nnunet"))
    assert sorted(cases) == ["left_0000", "left_0001", "right_0000", "right_0001"]
    assert told["numTraining"] == len(cases)
    classes = sorted(told["labels"].values())
    assert classes == list(range(len(classes)))
    assert told["labels"]["background"] == 0
    for channels, label, spacing in cases.values():
        assert sorted(int(c) for c in told["channel_names"]) == sorted(channels)
        assert spacing == [2.0, 0.5, 0.25]
        assert len(spacing) == tifffile.imread(label).ndim
        assert set(np.unique(tifffile.imread(label))) <= set(classes)


def test_nnunet_finds_every_channel_under_its_name(raw):
    image = noise((2, *SHAPE))
    source = write_source(raw / "raw2" / "a.tif", image, "czyx", channels=("DNA", "actin"))
    made(job_of(source, raw / "set", labels=raw / "masks" / "left.tif", layout="nnunet"))
    told, cases = nnunet_case(raw / "set")
    ((channels, label, spacing),) = cases.values()
    assert sorted(channels) == [0, 1]
    assert label.exists()
    assert len(spacing) == 3
    assert told["channel_names"] == {"0": "DNA", "1": "actin"}


def test_nnunet_names_channels_that_have_no_name(raw):
    source = write_source(raw / "raw2" / "a.tif", noise((3, *SHAPE)), "czyx")
    made(job_of(source, raw / "set", labels=raw / "masks" / "left.tif", layout="nnunet"))
    told, cases = nnunet_case(raw / "set")
    ((channels, _, _),) = cases.values()
    assert [int(n) for n in told["channel_names"]] == sorted(channels) == [0, 1, 2]
    assert len(set(told["channel_names"].values())) == 3


@pytest.mark.parametrize("layout", ["careamics", "csbdeep"])
def test_pairs_for_restoration_have_the_same_names_in_order(train, raw, layout):
    root = train(layout, labels=None)
    assert visible(root) == ["GT", "low", "manifest.csv"]
    low, clean = (sorted((root / folder).glob("*.tif")) for folder in ("low", "GT"))
    assert [p.name for p in low] == [p.name for p in clean]
    assert len(low) == 4
    for a, b in zip(low, clean, strict=True):
        noisy, truth = tifffile.imread(a), tifffile.imread(b)
        original = tifffile.imread(raw / "raw" / f"{b.name.split('_')[0]}.tif")
        np.testing.assert_array_equal(truth, original)
        assert noisy.shape == truth.shape
        assert (noisy != truth).mean() > 0.5


@pytest.mark.parametrize("layout", ["plain", "stardist", "cellpose", "nnunet"])
def test_labels_are_optional(train, layout):
    root = train(layout, labels=None)
    assert all(line["labels"] == "" for line in table(root))
    assert not list(root.glob("*_masks*")) + list(root.glob("*_labels*")) + list(root.glob("masks"))


@pytest.mark.parametrize("layout", ["plain", "stardist", "nnunet"])
def test_time_and_channels_of_one_image_stay_together_or_are_named(raw, layout):
    image = noise((11, 2, 3, 20, 24))
    source = write_source(raw / "raw2" / "a.tif", image)
    made(job_of(source, raw / "set", layout=layout))
    names = sorted(line["file"].rpartition("/")[2].split(".")[0] for line in table(raw / "set"))
    assert (
        names
        == {
            "plain": ["a_0000"],
            "stardist": [f"a_0000_t{t:02d}_c{c}" for t in range(11) for c in range(2)],
            "nnunet": [f"a_0000_t{t:02d}_000{c}" for t in range(11) for c in range(2)],
        }[layout]
    )


def test_nothing_but_the_records_is_hidden(train):
    for layout in ("plain", "nnunet", "cellpose"):
        root = train(layout)
        hidden = [p.relative_to(root).as_posix() for p in root.rglob("*") if p.name.startswith(".")]
        assert hidden == [".diversify"]
