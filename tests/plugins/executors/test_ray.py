"""What Ray's errors become; tests/cli/test_executors.py kills a node of a cluster of two."""

import pytest
from srbench_plugins.executors import ray as plugin

from srbench.errors import UnavailableError, WorkerError

exceptions = pytest.importorskip("ray.exceptions", reason="Ray is not installed")

(SPEC,) = plugin.register_executors()


def test_the_error_of_a_job_is_its_own_with_the_traceback_of_the_worker():
    own = ValueError("not a number")
    wrapped = exceptions.RayTaskError("do", "Traceback (most recent call last): in do", own).as_instanceof_cause()
    found = plugin.unwrapped(wrapped)
    assert found is own
    assert "Traceback of the worker" in "".join(found.__notes__)


@pytest.mark.parametrize("error", [exceptions.WorkerCrashedError(), exceptions.NodeDiedError("node 3 is gone")])
def test_a_lost_worker_is_one_whatever_took_it(error):
    found = plugin.unwrapped(error)
    assert isinstance(found, WorkerError)
    assert str(found).startswith(f"Ray lost it, {type(error).__name__}: ")
    assert "\n" not in str(found)


def test_workers_get_the_variables_of_srbench_alone(monkeypatch):
    monkeypatch.setenv("SRBENCH_CACHE", "/shared")
    monkeypatch.setenv("SECRET", "mine")
    found = plugin.own_variables()
    assert found["SRBENCH_CACHE"] == "/shared"
    assert all(name.startswith("SRBENCH_") for name in found)


def test_no_cluster_at_the_address_is_a_sentence(monkeypatch):
    def refuse(self, workers, needs):
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(plugin.Ray, "__init__", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    with pytest.raises(UnavailableError, match=r"There is no Ray cluster at 10\.0\.0\.1:6379"):
        SPEC.make(1, None)
