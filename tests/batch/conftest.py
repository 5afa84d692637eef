"""Executors that all tests of batches share: worker processes take seconds to start."""

import multiprocessing
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from batch_jobs import noise, objects, write_source


@pytest.fixture(scope="session")
def cluster():
    """The address of a dask scheduler with two workers in processes of their own."""
    with warnings.catch_warnings():
        # a cluster that starts on a busy machine says so
        warnings.filterwarnings("ignore", module="distributed")
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=50,
        ) as running:
            yield running.scheduler_address


@pytest.fixture(scope="session")
def executor_of(processes):
    """Give an executor by its name."""
    pools = {n: ThreadPoolExecutor(n) for n in (1, 4)}
    found = {"1 thread": pools[1], "4 threads": pools[4], "3 processes": processes}
    yield found.__getitem__
    for pool in pools.values():
        pool.shutdown()


@pytest.fixture(scope="session")
def children():
    """Processes forked from one that has imported what takes long."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["napari_diversify.batch", "batch_jobs"])
    return context


@pytest.fixture
def source(tmp_path):
    """A small volume that says all of itself."""
    return write_source(
        tmp_path / "raw" / "nuclei.tif",
        noise((6, 40, 48)),
        scale=(2.0, 0.5, 0.5),
        units=("micrometer",) * 3,
    )


@pytest.fixture
def labels(tmp_path, source):
    return write_source(tmp_path / "raw" / "nuclei_labels.tif", objects((6, 40, 48)))
