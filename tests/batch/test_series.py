"""A series has the PSNRs that were asked for, in the files, by anybody's measure."""

import json

import numpy as np
import pytest
import tifffile
from batch_jobs import (
    done,
    header,
    job_of,
    made,
    noise,
    nuclei_tif,
    provenance,
    replayed,
    table,
    voxels,
    write_source,
)
from skimage.metrics import peak_signal_noise_ratio

from napari_diversify import Recipe
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass

LEVELS = (30, 25, 20, 15, 12)
PLAIN = Recipe(steps=(Diversify(),), seed=1)


def independent(clean, path):
    """PSNR in the file, the peak being the range of the clean image."""
    image = voxels(path)
    assert image.dtype == clean.dtype
    peak = int(clean.max()) - int(clean.min())
    return peak_signal_noise_ratio(clean.astype(float), image.astype(float), data_range=peak)


@pytest.fixture(scope="module")
def nuclei():
    return tifffile.imread(nuclei_tif())


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    output = tmp_path_factory.mktemp("series") / "benchmark"
    made(job_of(nuclei_tif(), output, recipe=PLAIN, psnr=LEVELS, file_format="ome-tiff"))
    return output


def test_real_nuclei_get_the_psnrs_that_were_asked_for(benchmark, nuclei):
    lines = table(benchmark)
    assert [float(line["target_psnr"]) for line in lines] == list(LEVELS)
    for line in lines:
        assert header(benchmark / line["file"]).dtype == np.uint16
        reached = independent(nuclei, benchmark / line["file"])
        assert abs(reached - float(line["target_psnr"])) < 0.05
        assert float(line["psnr"]) == pytest.approx(reached, abs=1e-6)
        assert float(line["data_range"]) == 65535
    weights = [float(line["diversify.w_v"]) for line in lines]
    assert weights == sorted(weights)


def test_a_file_of_a_series_is_made_again_from_its_own_recipe(benchmark, nuclei):
    path = benchmark / table(benchmark)[2]["file"]
    told = provenance(path)
    assert told["target_psnr"] == 20
    recipe = Recipe.from_json(json.dumps(told["recipe"]))
    assert recipe.apply(nuclei).tobytes() == voxels(path).tobytes()
    assert replayed(path, nuclei_tif()).different == 0


CHAINS = {
    "contrast before": (DegradeContrast(extra_depth=2.0, scattering_length=100.0), Diversify()),
    "a mild low-pass after": (Diversify(), LowPass(cutoff=1.2)),
    "less signal": (Diversify(w_i=0.95),),
    "sparse windows": (Diversify(window=(3, 7, 7), stride=4),),
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_any_recipe_with_one_noisy_step_gets_there(tmp_path, chain, dtype):
    image = noise((8, 48, 56), dtype)
    source = write_source(tmp_path / "a.tif", image)
    recipe = Recipe(steps=CHAINS[chain], seed=2)
    levels = (17, 12)
    made(job_of(source, tmp_path / "out", recipe=recipe, psnr=levels, samples=2))
    lines = table(tmp_path / "out")
    assert len(lines) == 4
    for line in lines:
        image_range = image.max() - image.min()
        got = voxels(tmp_path / "out" / line["file"]).astype(float)
        reached = peak_signal_noise_ratio(image.astype(float), got, data_range=float(image_range))
        assert abs(reached - float(line["target_psnr"])) < 0.05
        assert float(line["psnr"]) == pytest.approx(reached, abs=1e-5)


@pytest.mark.parametrize("target", [50, 45, 40, 30, 20, 10])
def test_8_bit_images_get_there_too(tmp_path, target):
    image = noise((8, 48, 56), "uint8")
    source = write_source(tmp_path / "a.tif", image)
    made(job_of(source, tmp_path / "out", recipe=PLAIN, psnr=(target,)))
    assert abs(independent(image, tmp_path / "out" / "a_0000.ome.zarr") - target) < 0.05


def test_levels_between_two_grey_values_are_reached_where_they_can_be(tmp_path):
    # rounded to whole grey levels 58 dB is still crossed by w_v, though steeply
    image = noise((8, 48, 56), "uint8")
    source = write_source(tmp_path / "a.tif", image)
    report = done(job_of(source, tmp_path / "out", recipe=PLAIN, psnr=(58,)))
    assert report.failed == ()
    assert abs(independent(image, tmp_path / "out" / "a_0000.ome.zarr") - 58) < 0.05


def test_series_of_time_and_channels_count_all_voxels(tmp_path):
    image = noise((2, 2, 4, 30, 34))
    source = write_source(tmp_path / "a.tif", image)
    made(job_of(source, tmp_path / "out", recipe=PLAIN, psnr=(20,)))
    assert abs(independent(image, tmp_path / "out" / "a_0000.ome.zarr") - 20) < 0.05


def test_the_range_of_the_recipe_is_the_peak(tmp_path):
    image = noise((4, 30, 34)) // 4
    source = write_source(tmp_path / "a.tif", image)
    recipe = PLAIN.replace(intensity_range=(0, 20000))
    made(job_of(source, tmp_path / "out", recipe=recipe, psnr=(20,)))
    got = voxels(tmp_path / "out" / "a_0000.ome.zarr")
    reached = peak_signal_noise_ratio(image.astype(float), got.astype(float), data_range=20000)
    assert abs(reached - 20) < 0.05


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"psnr": (1,)}, r"a PSNR of 1 dB is out of reach.*between .* and .* dB"),
        ({"psnr": (-20,)}, "out of reach"),
        ({"psnr": (1e6,)}, "a PSNR of 1e\\+06 dB was not reached"),
        (
            {"psnr": (30,), "recipe": Recipe(steps=(Diversify(w_i=0.3),))},
            "with w_i = 0.3 it lies between",
        ),
        (
            {"psnr": (35,), "recipe": Recipe(steps=(Diversify(), LowPass(cutoff=0.1)))},
            "was not reached with this recipe: w_v came to .* dB at best",
        ),
    ],
)
def test_what_cannot_be_reached_is_told_and_the_rest_is_made(tmp_path, settings, said):
    source = write_source(tmp_path / "a.tif", noise((4, 30, 34), "uint8"))
    settings = {"recipe": PLAIN, **settings}
    report = done(job_of(source, tmp_path / "out", **settings))
    assert report.made == ()
    with pytest.raises(ValueError, match=said):
        raise ValueError(report.failed[0][1])
    assert report.manifest is None
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []
    mixed = {**settings, "psnr": (*settings["psnr"], 8), "recipe": settings["recipe"]}
    report = done(job_of(source, tmp_path / "mixed", **mixed))
    assert len(report.made) + len(report.failed) == 2
    assert report.failed[0][0] == "a_0000"
