"""The machines of one training find each other, and learn of each other's ends."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from srbench.catalog.executors import ONLY_NODE, Node
from srbench.errors import TrainingError, WorkerError
from srbench.running import machines as module
from srbench.running.machines import Machines, meeting_held
from srbench.training.group import HERE, LostProcessError, meeting_point, opened_meeting_point


@pytest.fixture
def three():
    """Three machines, of which the first holds the meeting point."""
    server = meeting_point(3)
    places = [Node(number, 3, HERE, server.port) for number in range(3)]
    yield [Machines(node, meeting_point(3, node.port, node.address)) for node in places]
    del server


def test_the_first_machine_waits_for_all_others(three):
    first, second, third = three
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(second.wait_for_begin)
        gathering = threads.submit(first.gather)
        second.gather()
        with pytest.raises(TimeoutError):
            gathering.result(0.5)
        assert not waiting.done()
        first.begin()
        third.gather()
        waiting.result(10)
        gathering.result(10)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (TrainingError("It has no such file."), TrainingError, "It has no such file."),
        (WorkerError("process 4 of 4 was ended by SIGKILL"), WorkerError, "process 4 of 4 was ended by SIGKILL"),
        (KeyError(), TrainingError, "KeyError"),
    ],
)
def test_the_first_machine_learns_why_another_cannot_go_on(three, error, kind, said):
    first, second, third = three
    third.report(error)
    second.gather()
    with pytest.raises(kind) as raised:
        first.gather()
    assert (type(raised.value), str(raised.value)) == (kind, said)
    lost = first.why_lost(LostProcessError())
    assert (type(lost), str(lost)) == (kind, said)
    assert second.why_lost(LostProcessError()) is None, "the first one says so"


def test_machines_that_do_not_come_are_lost_workers(three, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    three[2].gather()
    with pytest.raises(WorkerError, match=r"^2 of the 3 machines of the training were there in time$"):
        three[0].gather()


def test_a_machine_that_says_nothing_is_a_lost_worker(three, monkeypatch):
    monkeypatch.setattr(module, "LAST_WORDS", 0.3)
    lost = three[0].why_lost(LostProcessError("no answer\nin line 3"))
    assert isinstance(lost, WorkerError)
    assert str(lost) == "another machine of the training was lost, or cannot be reached (no answer)"


def test_machines_wait_no_longer_when_the_first_has_ended():
    server = meeting_point(2)
    place = Node(1, 2, HERE, server.port)
    other = Machines(place, meeting_point(2, place.port, place.address))
    del server
    with pytest.raises(RuntimeError):
        other.wait_for_begin()
    other.report(TrainingError("too late"))


def test_a_meeting_point_is_there_while_it_is_held_and_its_port_is_taken():
    free = meeting_point(1)
    port = free.port
    del free
    with meeting_held(Node(0, 2, HERE, port)):
        meeting_point(2, port).set("met", "")
        with pytest.raises(WorkerError, match=f"^port {port}, for the processes of a training, cannot be opened"):
            opened_meeting_point(port)
    opened_meeting_point(port)
    with meeting_held(ONLY_NODE):
        pass


def test_one_machine_alone_waits_for_nobody():
    alone = Machines(ONLY_NODE, meeting_point(1))
    alone.begin()
    alone.gather()
    assert alone.why_lost(LostProcessError()) is None


def test_nobody_at_an_address_is_a_lost_process(monkeypatch):
    monkeypatch.setattr("srbench.training.group.PATIENCE", timedelta(seconds=1))
    free = meeting_point(1)
    port = free.port
    del free
    with pytest.raises(LostProcessError):
        meeting_point(2, port)
