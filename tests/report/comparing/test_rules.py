"""Rules as people write them."""

import math
import re

import pytest

from helpers.leaderboards import KNOWN
from srbench.errors import UnknownNameError, UsageError
from srbench.records.row import RowId
from srbench.report.comparing.rules import Rule, parse_rule, relative


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("psnr_y_db < -0.02", Rule("psnr_y_db", "<", -0.02)),
        (" psnr_y_db<=-2e-2 ", Rule("psnr_y_db", "<=", -0.02)),
        ("latency_ms_p50 > +10%", Rule("latency_ms_p50", ">", 10, percent=True)),
        ("latency_ms_p50>10 %", Rule("latency_ms_p50", ">", 10, percent=True)),
        ("parameters != 0", Rule("parameters", "!=", 0)),
        ("psnr_y_db < −0.02", Rule("psnr_y_db", "<", -0.02)),
        ("psnr_y_db < -chance", Rule("psnr_y_db", "<", -1, chance=True)),
        ("lpips>chance", Rule("lpips", ">", 1, chance=True)),
        ("lpips > +chance", Rule("lpips", ">", 1, chance=True)),
        ("psnr_y_db{scale=2} < -1", Rule("psnr_y_db", "<", -1, rows=(("scale", "2"),))),
        (
            "psnr_y_db {architecture=stack:n_blocks=4,n_feats=16 , recipe=quick, equal time} < -chance",
            Rule(
                "psnr_y_db",
                "<",
                -1,
                chance=True,
                rows=(("architecture", "stack:n_blocks=4,n_feats=16"), ("recipe", "quick, equal time")),
            ),
        ),
    ],
)
def test_rules_are_read_as_people_write_them(text, rule):
    assert parse_rule(text, KNOWN) == rule
    assert parse_rule(str(rule), KNOWN) == rule


@pytest.mark.parametrize(
    "text",
    [
        "", "psnr_y_db", "psnr_y_db < ", "psnr_y_db = 1", "psnr_y_db < two", "psnr_y_db < nan", "psnr_y_db < -inf",
        "< 3", "psnr_y_db < -0.02 dB", "psnr_y_db < 1 2", "psnr_y_db < -chances", "psnr_y_db < -chance%",
        "psnr_y_db{scale=2 < 1", "psnr_y_db scale=2} < 1", "{scale=2} < 1",
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_understood_is_answered_with_examples(text):
    says = (
        f"The rule {text!r} cannot be understood; write a column, one of < <= > >= != and a number, with % for a "
        "relative change, or chance: 'psnr_y_db < -0.02', 'latency_ms_p50 > +10%' or 'psnr_y_db < -chance'."
    )
    with pytest.raises(UsageError, match=f"^{re.escape(says)}$"):
        parse_rule(text, KNOWN)


def test_an_unknown_column_is_answered_with_the_nearest():
    says = r"^No column named 'psnr_db'\. Did you mean psnr_y_db\?.* The rule is 'psnr_db < -0\.02'\.$"
    with pytest.raises(UnknownNameError, match=says):
        parse_rule("psnr_db < -0.02", KNOWN)


@pytest.mark.parametrize("column", ["dataset", "label", "machine", "psnr_y_protocol", "seed", "reasons"])
def test_a_rule_on_text_is_refused(column):
    with pytest.raises(UsageError, match="holds text"):
        parse_rule(f"{column} < 1", KNOWN)


@pytest.mark.parametrize("text", ["psnr_y_db{} < -1", "psnr_y_db{edsr} < -1"])
def test_braces_without_a_field_are_answered_with_an_example(text):
    with pytest.raises(UsageError, match=r"'psnr_y_db\{architecture=edsr\*,scale=2\} < -0\.05'\.$"):
        parse_rule(text, KNOWN)


def test_an_unknown_field_is_answered_with_the_nearest():
    says = r"^No field of a row named 'architectures'\. Did you mean architecture\? The rule is "
    with pytest.raises(UnknownNameError, match=says):
        parse_rule("psnr_y_db{architectures=edsr} < -0.05", KNOWN)


def test_a_rule_on_chance_is_about_all_seeds():
    with pytest.raises(UsageError, match="which shows in several seeds together; leave out seed"):
        parse_rule("psnr_y_db{seed=0} < -chance", KNOWN)


def test_a_rule_is_about_the_rows_whose_fields_fit_all_its_patterns():
    rule = parse_rule("psnr_y_db{architecture=edsr*,scale=2} < -0.05", KNOWN)
    identity = dict.fromkeys(RowId._fields, "") | {"architecture": "edsr_small", "scale": "2"}
    assert rule.is_about(tuple(identity.values()))
    for other in ({"architecture": "wedsr"}, {"scale": "4"}):
        assert not rule.is_about(tuple((identity | other).values()))


@pytest.mark.parametrize(
    ("text", "right"),
    [("psnr_y_db > -chance", "-chance"), ("psnr_y_db < chance", "-chance"), ("psnr_y_db != chance", "-chance")],
)
def test_a_rule_on_chance_that_no_change_at_all_would_break_is_refused(text, right):
    with pytest.raises(UsageError, match=f"a loss of quality is 'psnr_y_db < {right}'"):
        parse_rule(text, KNOWN)


@pytest.mark.parametrize("text", ["psnr_y_db > -0.02", "psnr_y_db < 0.5", "ssim_y <= 0", "macs_256_g >= 0%"])
def test_a_rule_that_no_change_at_all_would_break_is_refused(text):
    says = (
        f"The rule {text!r} would fail where nothing changed; it compares head minus base, so a loss of quality is "
        "'psnr_y_db < -0.02' and a rise in cost 'parameters > 0'."
    )
    with pytest.raises(UsageError, match=f"^{re.escape(says)}$"):
        parse_rule(text, KNOWN)


@pytest.mark.parametrize(
    ("base", "head", "share"),
    [(4, 5, 0.25), (5, 4, -0.2), (-2, -1, 0.5), (-2, -3, -0.5), (0, 3, math.inf), (0, -3, -math.inf), (0, 0, 0)],
)
def test_a_relative_change_has_the_sign_of_the_change(base, head, share):
    assert relative(base, head) == share


def test_changes_are_compared_to_nine_decimals():
    rule = Rule("psnr_y_db", "<", -0.02)
    assert not rule.broken(0, -0.0200000004)
    assert rule.broken(0, -0.0200000006)
