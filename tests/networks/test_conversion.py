"""What converters say is kept from the terminal."""

import logging

from srbench.networks import conversion


def complain():
    """Log as onnxscript does, and as onnxruntime's quantiser does."""
    logging.getLogger("onnxscript").warning("Skipping constant folding.")
    logging.warning("Axis 1 is out of range.")  # noqa: LOG015 - it does so


def test_log_records_that_nobody_hears_are_not_printed(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest listens, so that Python would print nothing
    with conversion.quiet():
        complain()
    assert capsys.readouterr().err == ""
    assert logging.getLogger().handlers == []
    complain()
    assert "Skipping constant folding." in capsys.readouterr().err


def test_those_who_listen_hear_them(caplog):
    with conversion.quiet():
        complain()
    assert [record.message for record in caplog.records] == ["Skipping constant folding.", "Axis 1 is out of range."]
