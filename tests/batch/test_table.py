"""manifest.csv: a line per file, and every number in it is true."""

import csv

import numpy as np
import pytest
from batch_jobs import CHAIN, RECIPE, job_of, made, noise, provenance, table, voxels, write_source

from napari_diversify import Recipe
from napari_diversify.core import psnr
from napari_diversify.core.measures.quality import clipped_fraction, si_psnr, ssim
from napari_diversify.core.measures.visibility import rms_contrast
from napari_diversify.recipe import Diversify, LowPass

METRICS = ["psnr", "data_range", "data_range_rule", "si_psnr", "ssim", "ssim_planes",
           "contrast_source", "contrast", "clipped"]  # fmt: skip


def test_columns_are_files_origin_parameters_by_name_and_metrics(source, labels, tmp_path):
    made(job_of(source, tmp_path / "train", labels=labels, samples=2, ranges={"w_v": (1, 2)}))
    with (tmp_path / "train" / "manifest.csv").open(newline="") as file:
        columns = next(csv.reader(file))
    assert columns == [
        "file", "labels", "clean", "source", "group", "sample", "seed",
        "diversify.w_i", "diversify.w_v", "diversify.window", "diversify.stride",
        "target_psnr", *METRICS,
    ]  # fmt: skip
    for n, line in enumerate(table(tmp_path / "train")):
        assert line["file"] == f"nuclei_000{n}.ome.zarr"
        assert line["labels"] == f"nuclei_000{n}_labels.ome.zarr"
        assert line["clean"] == line["target_psnr"] == ""
        assert (line["source"], line["group"]) == ("nuclei", "nuclei")
        assert (line["sample"], line["seed"]) == (str(n), "3")
        (step,) = provenance(tmp_path / "train" / line["file"])["recipe"]["steps"]
        assert float(line["diversify.w_i"]) == step["w_i"] == 0.8
        assert float(line["diversify.w_v"]) == step["w_v"]
        assert line["diversify.window"] == "5 5 5"


def test_two_steps_of_a_kind_have_columns_of_their_own(source, tmp_path):
    recipe = Recipe(steps=(LowPass(cutoff=0.9), Diversify(), LowPass(cutoff=0.3)))
    made(job_of(source, tmp_path / "train", recipe=recipe))
    (line,) = table(tmp_path / "train")
    assert (line["0.cutoff"], line["2.cutoff"], line["diversify.w_v"]) == ("0.9", "0.3", "1.0")


def test_every_file_has_one_line_and_every_line_one_file(source, tmp_path):
    write_source(tmp_path / "raw" / "other.tif", noise((3, 30, 34)))
    for layout in ("plain", "stardist", "cellpose", "nnunet", "careamics"):
        output = tmp_path / layout
        made(job_of(tmp_path / "raw", output, samples=2, layout=layout))
        told = [line[k] for line in table(output) for k in ("file", "labels", "clean") if line[k]]
        there = [p.relative_to(output).as_posix() for p in output.rglob("*.tif")]
        there += [p.name for p in output.glob("*.ome.zarr")]
        assert sorted(told) == sorted(there)
        assert len(set(told)) == len(told)
        assert all("\\" not in path for path in told)


def test_all_samples_of_one_image_are_of_one_group(source, tmp_path):
    write_source(tmp_path / "raw" / "other.tif", noise((3, 30, 34)))
    made(job_of(tmp_path / "raw", tmp_path / "train", samples=3, layout="cellpose"))
    groups = {}
    for line in table(tmp_path / "train"):
        groups.setdefault(line["group"], set()).add(line["source"])
        assert line["file"].startswith(f"{line['group']}_000")
    assert groups == {"nuclei": {"nuclei"}, "other": {"other"}}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("layout", ["plain", "nnunet", "cellpose"])
def test_every_metric_is_that_of_the_written_file(tmp_path, layout, dtype):
    image = noise((2, 7, 30, 34), dtype)
    source = write_source(tmp_path / "a.tif", image, "czyx")
    low, high = (float(v) for v in np.percentile(image, (1, 95)))
    recipe = CHAIN.replace(intensity_range=(low, high))
    made(job_of(source, tmp_path / "train", recipe=recipe, layout=layout))
    parts = {
        "plain": [image],
        "nnunet": list(image),
        "cellpose": list(image.reshape(-1, 30, 34)),
    }[layout]
    lines = table(tmp_path / "train")
    assert len(lines) == len(parts)
    for clean, line in zip(parts, lines, strict=True):
        got = voxels(tmp_path / "train" / line["file"])
        planes = list(zip(clean.reshape(-1, 30, 34), got.reshape(-1, 30, 34), strict=True))
        n = len(planes)
        watched = sorted({int(k) for k in np.linspace(0, n - 1, min(4, n)).round()})
        each = [ssim(*planes[k], high - low) for k in watched]
        expected = {
            "psnr": psnr(clean, got, high - low),
            "data_range": high - low,
            "si_psnr": si_psnr(clean, got),
            "ssim": np.mean(each),
            "ssim_planes": len(watched),
            "contrast_source": rms_contrast(clean, low),
            "contrast": rms_contrast(got, low),
            "clipped": clipped_fraction(clean, got, low, high),
        }
        for name, value in expected.items():
            assert float(line[name]) == pytest.approx(value, abs=1e-6), name
        assert 0 < float(line["clipped"]) < 0.5


def test_the_table_tells_where_the_peak_of_psnr_comes_from(source, tmp_path):
    low, high = (float(f(noise((6, 40, 48)))) for f in (np.min, np.max))
    # the same two numbers, once found in the source and once given
    for rule, limits in (("min-max", None), ("given", (low, high))):
        recipe = RECIPE.replace(intensity_range=limits)
        made(job_of(source, tmp_path / rule, recipe=recipe))
        (line,) = table(tmp_path / rule)
        assert line["data_range_rule"] == rule
        assert float(line["data_range"]) == high - low


def test_what_is_not_defined_is_said_in_a_word(tmp_path):
    source = write_source(tmp_path / "a.tif", noise((3, 8, 9)))
    recipe = RECIPE.replace(steps=(Diversify(w_v=0.0),))
    made(job_of(source, tmp_path / "train", recipe=recipe))
    (line,) = table(tmp_path / "train")
    assert (line["psnr"], line["ssim"], line["ssim_planes"]) == ("inf", "nan", "0")
    assert float(line["clipped"]) == 0


def test_a_resumed_run_writes_the_same_table(source, tmp_path):
    made(job_of(source, tmp_path / "whole", samples=4))
    for n in (1, 3, 4):
        made(job_of(source, tmp_path / "train", samples=n), resume=True)
    whole, train = ((tmp_path / f / "manifest.csv").read_bytes() for f in ("whole", "train"))
    assert whole == train
    assert b"\r" not in whole


def test_names_with_commas_quotes_and_letters_of_all_kinds_survive(tmp_path):
    name = 'nuclei, "day" 2 µm'.replace('"', "'")
    source = write_source(tmp_path / f"{name}.tif", noise((3, 20, 24)))
    made(job_of(source, tmp_path / "train"))
    (line,) = table(tmp_path / "train")
    assert line["source"] == name
    assert (tmp_path / "train" / line["file"]).is_dir()
