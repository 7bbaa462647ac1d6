"""The energy of a call, from counters that a folder imitates."""

import pytest

from srbench.errors import UnavailableError
from srbench.profiling import energy
from srbench.profiling.energy import energy_mj


@pytest.fixture
def counters(tmp_path, monkeypatch):
    """Two processors, each with a part that is counted in it already."""
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("1000\n")
        (tmp_path / name / "max_energy_range_uj").write_text("50000\n")

    def use(name, microjoules):
        file = tmp_path / name / "energy_uj"
        file.write_text(f"{(int(file.read_text()) + microjoules) % 50000}\n")

    return use


def test_the_energy_of_a_call_is_that_of_all_processors_by_calls(counters):
    calls = []

    def call():
        calls.append(1)
        counters("intel-rapl:0", 300)
        counters("intel-rapl:1", 200)
        counters("intel-rapl:0:0", 7)

    assert energy_mj(call, seconds=0) == pytest.approx(0.5)
    assert len(calls) == 1


def test_a_counter_that_begins_again_is_followed(counters):
    assert energy_mj(lambda: counters("intel-rapl:0", 49_500), seconds=0) == pytest.approx(49.5)


def test_a_machine_without_counters_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    with pytest.raises(UnavailableError, match="no counter of energy"):
        energy_mj(lambda: None)


def test_a_counter_that_may_not_be_read_is_a_reason(counters, tmp_path):
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    with pytest.raises(UnavailableError, match="cannot be read"):
        energy_mj(lambda: None, seconds=0)
