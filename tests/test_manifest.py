"""The manifest is valid, and all that it names exists."""

from importlib import resources

import pytest
from npe2 import PluginManager, PluginManifest

import napari_diversify

NAME = "napari-diversify"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(resources.files(napari_diversify) / "napari.yaml")


def test_all_that_the_manifest_names_can_be_imported(manifest):
    manifest.validate_imports()


def test_the_installed_package_is_found_as_a_plugin():
    manifest = PluginManifest.from_distribution(NAME)
    assert manifest.name == NAME
    assert manifest.display_name == "Diversify"


def test_command_ids_are_ours_and_each_is_declared_once(manifest):
    ids = [command.id for command in manifest.contributions.commands]
    assert len(ids) == len(set(ids))
    assert all(id_.startswith(f"{NAME}.") for id_ in ids)


def test_every_contribution_refers_to_a_declared_command(manifest):
    contributions = manifest.contributions
    ids = {command.id for command in contributions.commands}
    used = [item.command for item in (*contributions.widgets, *contributions.sample_data)]
    used += [item.command for item in (*contributions.readers, *contributions.writers)]
    used += [item.command for items in contributions.menus.values() for item in items]
    assert used
    assert set(used) <= ids


def test_only_files_that_say_what_they_are_come_to_our_reader(manifest):
    (reader,) = manifest.contributions.readers
    assert reader.accepts_directories
    assert reader.filename_patterns == ["*.ome.zarr", "*.zarr", "*.ome.tif", "*.ome.tiff"]
    manager = PluginManager()
    manager.register(manifest)
    for name, ours in (
        *(("a.ome.tif", True), ("a.b.OME.TIFF", True), ("a.zarr", True), ("a.ome.zarr", True)),
        *(("a.tif", False), ("a.tiff", False), ("a.npy", False), ("a.ome.xml", False)),
    ):
        assert bool(list(manager.iter_compatible_readers(name))) == ours, name


def test_menus_are_among_those_that_napari_lets_plugins_contribute_to(manifest):
    from napari._app_model.constants import MenuId  # napari drops all others without a word

    assert set(manifest.contributions.menus) <= {menu.value for menu in MenuId.contributables()}
    assert "napari/layers/filter" in manifest.contributions.menus


def test_the_sigma_map_asks_for_an_image(manifest):
    (command,) = [c for c in manifest.contributions.commands if c.id == f"{NAME}.local_std"]
    assert command.enablement == "num_selected_image_layers > 0"


def test_commands_and_widgets_have_titles_for_people(manifest):
    for command in manifest.contributions.commands:
        assert command.title[0].isupper()
        assert "_" not in command.title


def test_the_manifest_registers_without_complaint(manifest):
    manager = PluginManager()
    manager.register(manifest)
    names = ["Diversify", "Synthetic nuclei", "Learn"]
    assert [w.display_name for w in manager.iter_widgets()] == names
    assert [key for key, _ in manager.iter_sample_data()] == [NAME]
