"""What a command says when it ends badly."""


def sentence(answer, status=2):
    """The one sentence on standard error."""
    assert answer.status == status, answer.err + answer.out
    assert "Traceback" not in answer.err + answer.out
    (line,) = [line for line in answer.err.splitlines() if line.strip()]
    assert line.startswith("error: ")
    assert "failed unexpectedly" not in line
    return line.removeprefix("error: ")
