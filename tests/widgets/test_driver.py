"""Threads for live layers: the newest wish first, what lies ahead last, silence after the end."""

import sys
import threading
import time

import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QObject
from qtpy.QtWidgets import QApplication

from napari_diversify.core.priority import LOW, niceness
from napari_diversify.widgets.qt import driver as module
from napari_diversify.widgets.qt.driver import Driver


@pytest.fixture
def driver(monkeypatch, request):
    """A driver with one thread for wishes, so that their order can be told."""
    monkeypatch.setattr(module, "_MOST_WISHES", getattr(request, "param", 1))
    driver = Driver()
    yield driver
    driver.stop(5.0)


class Log:
    """What was begun, and what was told, in which order and thread."""

    def __init__(self):
        self.begun, self.told, self.threads = [], [], set()

    def work(self, name, gate=None, pieces=1):
        def run():
            self.begun.append(name)
            self.threads.add(threading.get_ident())
            for n in range(pieces):
                yield n, pieces
                if gate is not None:
                    gate.wait(10)
            return name

        return run

    def tell(self, result, error):
        self.told.append((result, error, threading.get_ident()))


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def gate():
    gate = threading.Event()
    yield gate
    gate.set()


def test_who_has_been_destroyed_is_told_nothing(driver, log, gate, qtbot):
    class Owner(QObject):
        def tell(self, result, error):
            self.objectName()  # raises if it is destroyed
            log.tell(result, error)

    gone, there = Owner(), Owner()
    for owner in (gone, there):
        driver.start(log.work("a", gate), owner.tell)
    gone.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gate.set()
    qtbot.waitUntil(lambda: driver.idle and bool(log.told))
    qtbot.wait(20)
    assert [result for result, *_ in log.told] == ["a"]


def test_results_are_told_in_the_thread_of_the_window(driver, log, qtbot):
    driver.start(log.work("a"), log.tell)
    qtbot.waitUntil(lambda: len(log.told) == 1)
    assert log.told == [("a", None, threading.get_ident())]
    assert log.threads.isdisjoint({threading.get_ident()})
    assert driver.idle


def test_errors_are_told_too(driver, log, qtbot):
    def broken():
        yield 0, 1
        raise OSError("gone")

    driver.start(broken, log.tell)
    qtbot.waitUntil(lambda: len(log.told) == 1)
    (result, error, _), *_ = log.told
    assert result is None
    assert str(error) == "gone"


def test_the_newest_wish_comes_first(driver, log, gate, qtbot):
    driver.start(log.work("first", gate), log.tell)
    qtbot.waitUntil(lambda: log.begun == ["first"])
    for name in "abc":
        driver.start(log.work(name), log.tell)
    gate.set()
    qtbot.waitUntil(lambda: len(log.told) == 4)
    assert log.begun == ["first", "c", "b", "a"]


def test_what_lies_ahead_comes_last_and_the_nearest_of_it_first(driver, log, gate, qtbot):
    driver.start(log.work("first", gate), log.tell)
    qtbot.waitUntil(lambda: log.begun == ["first"])
    for ahead in (3, 1, 2):
        driver.start(log.work(ahead), log.tell, ahead=ahead)
    driver.start(log.work("wish"), log.tell)
    gate.set()
    qtbot.waitUntil(lambda: len(log.told) == 5)
    assert log.begun == ["first", "wish", 1, 2, 3]


def test_what_lay_ahead_and_is_waited_for_by_now_is_hurried(driver, log, gate, qtbot):
    driver.start(log.work("near", gate, pieces=2), log.tell, ahead=1)
    qtbot.waitUntil(lambda: log.begun == ["near"])
    far = driver.start(log.work("far"), log.tell, ahead=2)
    driver.hurry(far)  # no thread for wishes has been needed before
    qtbot.waitUntil(lambda: [result for result, *_ in log.told] == ["far"])
    gate.set()
    qtbot.waitUntil(lambda: driver.idle)


def test_what_is_hurried_at_its_work_goes_on_at_once(driver, log, gate, qtbot):
    driver.start(log.work("wish", gate), log.tell)
    qtbot.waitUntil(lambda: log.begun == ["wish"])
    ahead = driver.start(log.work("ahead"), log.tell, ahead=1)
    driver.hurry(ahead)
    gate.set()
    qtbot.waitUntil(lambda: len(log.told) == 2)


def test_what_lies_ahead_outlasts_a_long_wish(driver, log, gate, qtbot, monkeypatch):
    monkeypatch.setattr(module, "_IDLE_S", 0.01)
    driver.start(log.work("wish", gate), log.tell)
    qtbot.waitUntil(lambda: log.begun == ["wish"])
    driver.start(log.work("ahead"), log.tell, ahead=1)
    qtbot.wait(100)  # threads that have nothing to do for so long end
    gate.set()
    qtbot.waitUntil(lambda: len(log.told) == 2)


def test_what_lies_ahead_lets_wishes_pass_between_its_pieces(driver, log, gate, qtbot):
    order = []

    def ahead():
        for n in range(3):
            order.append(n)
            yield n, 3
            gate.wait(10)

    def wish():
        order.append("wish")
        yield 0, 1
        time.sleep(0.02)
        order.append("done")

    driver.start(ahead, log.tell, ahead=1)
    qtbot.waitUntil(lambda: order == [0])
    driver.start(wish, log.tell)
    gate.set()
    qtbot.waitUntil(lambda: len(log.told) == 2)
    assert order.index("done") < order.index(2)


@pytest.mark.parametrize("driver", [3], indirect=True)
def test_wishes_do_not_wait_for_each_other_s_disks(driver, log, gate, qtbot):
    for name in "ab":
        driver.start(log.work(name, gate), log.tell)
    qtbot.waitUntil(lambda: sorted(log.begun) == ["a", "b"])
    assert driver.busy


def test_nothing_is_heard_of_what_was_dropped(driver, log, gate, qtbot):
    tasks = [driver.start(log.work("a", gate, 3), log.tell)]
    qtbot.waitUntil(lambda: log.begun == ["a"])
    tasks.append(driver.start(log.work("b"), log.tell))
    for task in tasks:
        driver.drop(task)
    gate.set()
    qtbot.waitUntil(lambda: driver.idle)
    QApplication.processEvents()
    assert log.told == []
    assert log.begun == ["a"]


def test_only_what_takes_long_tells_how_far_it_is(driver, log, gate, qtbot):
    progress = []
    driver.start(log.work("quick"), log.tell, lambda *p: progress.append(p))
    qtbot.waitUntil(lambda: len(log.told) == 1)
    assert progress == []
    driver.start(log.work("slow", gate, 4), log.tell, lambda *p: progress.append(p))
    qtbot.waitUntil(lambda: len(progress) > 1, timeout=5000)
    assert set(progress) == {(0, 4)}


def test_threads_end_when_nothing_is_left_to_do(log, qtbot, monkeypatch):
    monkeypatch.setattr(module, "_IDLE_S", 0.05)
    driver, before = Driver(), threading.active_count()
    for ahead in (0, 1):
        driver.start(log.work(ahead), log.tell, ahead=ahead)
    qtbot.waitUntil(lambda: len(log.told) == 2)
    qtbot.waitUntil(lambda: threading.active_count() <= before)
    driver.start(log.work("again"), log.tell)
    qtbot.waitUntil(lambda: len(log.told) == 3)


def test_stopped_it_waits_for_threads_to_notice(driver, log, gate, qtbot):
    driver.start(log.work("a", gate, 3), log.tell)
    qtbot.waitUntil(lambda: log.begun == ["a"])
    driver.start(log.work("b"), log.tell)
    threading.Timer(0.1, gate.set).start()
    driver.stop(5.0)
    assert driver.idle
    QApplication.processEvents()
    assert log.told == []


def test_threads_give_way_to_the_window(driver, qtbot):
    usual, seen = niceness(), []

    def work():
        yield 0, 1
        return niceness()

    for ahead in (0, 1):
        driver.start(work, lambda result, error: seen.append(result), ahead=ahead)
    qtbot.waitUntil(lambda: len(seen) == 2)
    lowered = max(usual, LOW) if sys.platform == "linux" else usual
    assert seen == [lowered] * 2
    assert niceness() == usual
