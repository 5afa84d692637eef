"""Work in a thread: the newest wins, the stale is dropped, errors arrive, cancel stops."""

import os
import subprocess
import sys
import threading
import time

import pytest

from napari_diversify.widgets.qt.background import Background
from napari_diversify.widgets.qt.driver import driver


@pytest.fixture
def background(qapp):
    background = Background()
    yield background
    background.cancel()


@pytest.fixture
def heard(background):
    """All that a background says, in order."""
    said = []
    background.progressed.connect(lambda done, total: said.append(("progress", done, total)))
    background.finished.connect(lambda result: said.append(("result", result)))
    background.failed.connect(lambda error: said.append(("error", error)))
    background.stopped.connect(lambda: said.append(("stopped",)))
    return said


def counting(n, result):
    def work():
        for i in range(n):
            yield i, n
        return result

    return work


def test_work_reports_its_progress_then_its_result_then_rest(background, heard, qtbot):
    background.start(counting(3, "done"))
    assert background.running
    qtbot.waitUntil(lambda: not background.running)
    assert heard == [("progress", i, 3) for i in range(3)] + [("result", "done"), ("stopped",)]


def test_work_runs_in_another_thread_and_reports_in_this_one(background, qtbot):
    threads = {}

    def work():
        threads["work"] = threading.get_ident()
        yield 0, 1

    background.finished.connect(lambda _: threads.update(report=threading.get_ident()))
    background.start(work)
    qtbot.waitUntil(lambda: "report" in threads)
    assert threads["work"] != threading.get_ident() == threads["report"]


def test_the_newest_work_wins_and_the_stale_result_is_dropped(background, heard, gate, qtbot):
    gate.close()
    background.start(gate.guard(counting(1, "old")))
    background.start(counting(1, "new"))
    qtbot.waitUntil(lambda: ("result", "new") in heard)
    gate.open()
    qtbot.waitUntil(lambda: not background.running)
    assert [said for said in heard if said[0] == "result"] == [("result", "new")]


def test_a_result_that_was_under_way_when_newer_work_began_is_dropped(background, heard, qtbot):
    at_the_end, go_on = threading.Event(), threading.Event()

    def old():
        yield 0, 1
        at_the_end.set()
        go_on.wait(10)
        return "old"

    background.start(old)
    qtbot.waitUntil(at_the_end.is_set)
    background.start(counting(1, "new"))
    go_on.set()
    qtbot.waitUntil(lambda: ("result", "new") in heard)
    assert ("result", "old") not in heard


def test_an_error_is_handed_over_and_no_result_follows(background, heard, qtbot):
    problem = ValueError("no such voxel")

    def work():
        yield 0, 1
        raise problem

    background.start(work)
    qtbot.waitUntil(lambda: not background.running)
    assert heard == [("progress", 0, 1), ("error", problem), ("stopped",)]


def test_an_error_before_the_first_piece_is_handed_over_too(background, heard, qtbot):
    problem = MemoryError("too big")

    def work():
        raise problem

    background.start(work)
    qtbot.waitUntil(lambda: not background.running)
    assert heard == [("error", problem), ("stopped",)]


def test_cancelled_work_stops_and_brings_no_result(background, heard, gate, qtbot):
    ended = threading.Event()

    def work():
        try:
            yield from gate.guard(counting(1, "late"))()
        finally:
            ended.set()

    gate.close()
    background.start(work)
    qtbot.waitUntil(lambda: ("progress", 0, 1) in heard)
    background.cancel()
    assert not background.running
    assert heard[-1] == ("stopped",)
    heard.clear()
    qtbot.waitUntil(ended.is_set)  # while the gate is still closed
    assert heard == []


def test_work_can_start_again_after_a_cancel(background, heard, gate, qtbot):
    gate.close()
    background.start(gate.guard(counting(1, "first")))
    background.cancel()
    background.start(counting(1, "second"))
    qtbot.waitUntil(lambda: not background.running)
    assert [said for said in heard if said[0] == "result"] == [("result", "second")]


def test_cancelling_nothing_says_nothing(background, heard):
    background.cancel()
    assert heard == []


@pytest.mark.parametrize("guarded", [False, True])
def test_when_the_program_quits_its_threads_have_ended(qtbot, guarded):
    background = Background(guarded=guarded)
    pieces = []

    def endless():
        while True:
            time.sleep(0.001)
            pieces.append(1)
            yield 0, 0

    background.start(endless)
    qtbot.waitUntil(lambda: len(pieces) > 3)
    driver().stop(60.0)  # if need be
    assert driver().wait(0)
    ended = len(pieces)
    time.sleep(0.02)
    assert len(pieces) == ended


def test_who_is_destroyed_amid_messages_does_not_take_the_program_along():
    program = """
import time
from qtpy.QtWidgets import QApplication, QWidget
from napari_diversify.widgets.qt.background import Background
from napari_diversify.widgets.qt.singletons import keep_alive
keep_alive()  # docks do so
app = QApplication([])

def work():
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        yield 0, 1

for _ in range(5):
    owner = QWidget()
    background = Background(owner)
    background.start(work)
    for _ in range(20):
        app.processEvents()
        time.sleep(0.001)
    del background, owner  # and all of it, while the thread goes on
    time.sleep(0.01)
print("alive")
"""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
