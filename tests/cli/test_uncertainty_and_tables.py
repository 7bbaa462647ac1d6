"""``srbench run`` of networks that return their uncertainty, and of tables that are made of trained networks."""

import csv

import numpy as np
import pytest


def rows(tmp_path):
    with (tmp_path / "here" / "results" / "leaderboard.csv").open() as file:
        return {(row["architecture"], row["distiller"]): row for row in csv.DictReader(file)}


def test_maps_are_scored_where_they_were_trained_and_have_a_reason_elsewhere(run, tiny, tmp_path):
    suite = tiny.suite('architectures = ["udl_edsr_small"]\ndistillers = ["none", "udl_step1"]')
    answer = run("--metric", "ause,ence", suite=suite)
    assert answer.status == 0, answer.out + answer.err
    found = rows(tmp_path)
    plain, trained = (found["udl_edsr_small", method] for method in ("none", "udl_step1"))
    assert float(plain["psnr_y_db"]) > 0
    assert (plain["ause"], plain["ence"]) == ("", "")
    assert "ause: none does not train the network's map of its uncertainty" in plain["reasons"]
    assert 0 < float(trained["ause"]) < 1
    assert float(trained["ence"]) > 0
    results = tmp_path / "here" / "results"
    assert "uncertainty_x2_bicubic.png" in (results / "leaderboard.md").read_text()
    assert len(list((results / "records" / "images").rglob("*_map.npz"))) == 2


def test_a_distiller_of_maps_refuses_a_student_without_one_in_a_sentence(run, tiny):
    answer = run(suite=tiny.suite('architectures = ["dot"]\ndistillers = ["udl"]'))
    assert answer.status == 1
    assert (
        "dot does not return the log_scale of its uncertainty, which this distiller trains" in answer.out + answer.err
    )
    assert "Traceback" not in answer.out + answer.err


def test_a_table_is_measured_beside_the_network_that_is_trained_for_it(run, tiny, tmp_path):
    tiny.recipe(steps=2, losses="{ mse = 1.0 }")
    answer = run(suite=tiny.suite('architectures = ["srlut_v_net", "srlut_v"]'))
    assert answer.status == 0, answer.out + answer.err
    found = rows(tmp_path)
    network, table = found["srlut_v_net", "none"], found["srlut_v", "none"]
    # The table rounds each of four entries and the result, and has every level.
    assert float(network["psnr_y_db"]) == pytest.approx(float(table["psnr_y_db"]), abs=0.5)
    assert network["recipe"] == table["recipe"] == "tiny"


def test_a_table_from_a_file_is_measured_by_both_interpolations(run, tiny, tmp_path):
    path = tmp_path / "here" / "table.npy"
    np.save(path, np.random.default_rng(0).integers(0, 64, (17**4, 1, 2, 2), dtype=np.int8))
    suite = tiny.suite('architectures = ["srlut:table.npy", "srlut_official:table.npy"]')
    answer = run(suite=suite)
    assert answer.status == 0, answer.out + answer.err
    scores = {row["psnr_y_db"] for row in rows(tmp_path).values()}
    assert len(scores) == 2


def test_a_file_without_a_table_is_refused_in_a_sentence(run, tiny, tmp_path):
    answer = run(suite=tiny.suite('architectures = ["srlut:gone.npy"]'))
    assert answer.status == 2
    assert "There is no file gone.npy; give the path of a .npy file with a table." in answer.err
    assert "Traceback" not in answer.err
