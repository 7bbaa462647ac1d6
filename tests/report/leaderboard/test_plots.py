"""Plots of quality against cost, and their Pareto front."""

from hypothesis import given
from hypothesis import strategies as st

from helpers.records import make_record
from srbench.report.leaderboard.plots import pareto_front, plot_pictures, points
from srbench.report.leaderboard.sections import make_sections, make_table

POINTS = st.lists(st.tuples(st.none(), st.floats(0.1, 1e3), st.floats(20, 40)), max_size=12)


@given(POINTS, st.booleans())
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(found, higher):
    front = pareto_front(found, higher_is_better=higher)
    sign = 1 if higher else -1

    def beats(a, b):
        return a[1] <= b[1] and sign * a[2] >= sign * b[2] and (a[1], a[2]) != (b[1], b[2])

    assert not any(beats(other, p) for p in front for other in found)
    assert all(any(beats(f, p) or f == p for f in front) for p in found)


def test_bicubic_and_methods_without_a_cost_are_no_points():
    table = make_table(
        [make_record("bicubic"), make_record("espcn"), make_record("edsr_quick").model_copy(update={"profile": None})]
    )
    assert [p[0].title for p in points(table, table.headline, "macs_720p_g")] == ["ESPCN"]


def test_a_table_with_a_single_point_has_no_panel(tmp_path):
    one, two = ([make_record(a, dataset=d) for a in names] for d, names in
                (("set5", ("bicubic", "espcn")), ("set14", ("bicubic", "espcn", "fsrcnn"))))  # fmt: skip
    assert plot_pictures(tmp_path, make_sections(one)) == []
    (macs, latency) = plot_pictures(tmp_path, make_sections([*one, *two]))
    assert (macs.path.name, latency.path.name) == ("psnr_vs_macs_x2.png", "psnr_vs_latency_x2.png")
    panels, *_ = macs.draw.args
    assert [table.dataset for _, table in panels] == ["set14"]
