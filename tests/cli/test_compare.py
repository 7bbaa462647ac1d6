"""``srbench compare`` as a person types it."""

import pytest

from helpers.records import make_record, quick_records, write_records


@pytest.fixture
def sides(tmp_path):
    base = write_records(tmp_path / "base", quick_records())
    worse = [make_record("espcn", psnr=32.5, created="2026-05-01T00:00:00Z")]
    return base, write_records(tmp_path / "head", quick_records() + worse)


def test_compare_exits_with_0_where_nothing_got_worse_and_1_where_something_did(srbench, sides, tmp_path):
    base, head = sides
    rule = ("--fail-on", "psnr_y_db < -0.02")
    assert srbench("compare", base, base, *rule).status == 0
    done = srbench("compare", base, head, *rule, "--markdown", tmp_path / "c.md", "--junit", tmp_path / "j.xml")
    assert done.status == 1
    assert "1 failure in 16 compared rows under 1 rule." in done.out
    assert (tmp_path / "c.md").read_text().startswith("### ❌")
    assert "<failure" in (tmp_path / "j.xml").read_text()


def test_a_rule_on_chance_takes_the_trainings_of_both_sides(srbench, tmp_path):
    def side(name, *scores):
        return write_records(tmp_path / name, [make_record("espcn", seed=s, psnr=p) for s, p in enumerate(scores)])

    base, equal, worse = side("base", 33.0, 33.1, 33.05), side("equal", 33.06, 32.98), side("worse", 32.5, 32.6)
    rule = ("--fail-on", "psnr_y_db < -chance")
    done = srbench("compare", base, equal, *rule, "--markdown", "-")
    assert done.status == 0
    assert "chance explains 0.112 with 3 and 2 trainings" in done.out
    done = srbench("compare", base, worse, *rule)
    assert done.status == 1
    assert "breaks psnr_y_db < -chance" in done.out


def test_both_sides_head_the_output_and_a_new_name_is_no_new_row(srbench, sides, tmp_path):
    base = write_records(tmp_path / "one", [make_record("espcn", psnr=33.0)])
    head = write_records(tmp_path / "two", [make_record("fsrcnn", psnr=33.0)])
    done = srbench("compare", base, head, "--renamed", "espcn=fsrcnn")
    assert "2 × Example CPU, 8 GiB (a1b2c3d4)" in done.out
    assert "0123abc" in done.out
    assert done.status == 0
    assert srbench("compare", base, head).status == 1


def test_the_help_of_compare_says_how_a_rule_on_chance_is_spelled(srbench):
    assert "'psnr_y_db < -chance'" in srbench("compare", "--help").out


def test_compare_prints_the_comment_and_nothing_else_for_a_dash(srbench, sides):
    done = srbench("compare", *sides, "--fail-on", "psnr_y_db < -0.02", "--markdown", "-")
    assert done.out.startswith("### ❌ srbench")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("BASE", "nowhere.csv"), "nowhere.csv does not exist"),
        (("BASE", "BASE", "--fail-on", "psnr < 1"), "No column named 'psnr'"),
        (("BASE", "BASE", "--fail-on", "psnr_y_db is bad"), "cannot be understood"),
        (("BASE", "BASE", "--fail-on", "psnr_y_db{scale=3} < -1"), "is about no row of either side"),
        (("BASE", "BASE", "--fail-on", "psnr_y_db{architecture=espcn} < -chance"), "run with --seed 0 --seed 1"),
        (("BASE", "BASE", "--renamed", "espcm=espcn"), "Did you mean espcn?"),
    ],
)
def test_wrong_use_of_compare_is_one_sentence_and_exit_2(srbench, sides, arguments, says):
    done = srbench("compare", *(a.replace("BASE", str(sides[0])) for a in arguments))
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err
