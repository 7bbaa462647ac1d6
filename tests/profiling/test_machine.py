"""A machine is known again, and not mistaken for another."""

from __future__ import annotations

import dataclasses
import json

import torch

from srbench.profiling.machine import this_machine


def test_the_same_machine_has_the_same_id():
    assert this_machine() == this_machine()
    assert this_machine().id == this_machine().id
    assert len(this_machine().id) == 12


def test_its_facts_are_filled_and_storable():
    machine = this_machine()
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.threads == torch.get_num_threads()
    assert json.loads(json.dumps(dataclasses.asdict(machine)))["cpu"] == machine.cpu


def test_other_hardware_or_threads_give_another_id():
    machine = this_machine()
    other = [
        dataclasses.replace(machine, cpu="another"),
        dataclasses.replace(machine, threads=machine.threads + 1),
        dataclasses.replace(machine, gpus=("one more",)),
    ]
    assert len({machine.id, *(one.id for one in other)}) == 4
