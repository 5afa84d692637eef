import subprocess
import sys


def test_files_readers_and_writers_need_neither_qt_nor_napari():
    program = (
        "import sys, napari_diversify.files, napari_diversify.writers, napari_diversify.readers\n"
        "print([m for m in ('qtpy', 'napari', 'magicgui', 'superqt') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr
