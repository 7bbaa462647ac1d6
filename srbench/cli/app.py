"""The ``srbench`` command and its one error handler."""

from __future__ import annotations

import errno
import gc
import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
import typer.core

from srbench.cli import (
    add_plugin,
    cache,
    compare,
    data,
    degrade,
    doctor,
    export,
    init,
    judge,
    pick,
    plan,
    plugins,
    profile,
    report,
    reproduce,
    run,
    score,
    search,
    show,
    status,
    upscale,
)
from srbench.cli import list as listing
from srbench.cli.console import complain
from srbench.cli.help import Commands
from srbench.cli.hints import option_hint
from srbench.cli.json_output import OPTION, print_json_error
from srbench.errors import SrbenchError, TrainingInterrupted, text_of
from srbench.escaping import one_line


class Sentences(typer.core.TyperGroup):
    """Turns what a command raises into one sentence and an exit status.

    0: done; 1: something failed or was found wanting; 2: wrong use; 130 or 143: stopped by Ctrl-C or SIGTERM.
    """

    _json = False

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **options: Any) -> Any:  # noqa: ANN401 - typer keeps its copy of click private
        """Read the options before the command."""
        self._json = OPTION in args  # known before the words are parsed, which may fail
        with _in_sentences(json=self._json):
            return super().make_context(info_name, args, *more, **options)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Run the command."""
        with _in_sentences(json=self._json):
            return super().invoke(ctx)


@contextmanager
def _in_sentences(*, json: bool) -> Iterator[None]:
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt as stop:
        text = str(stop) or "Stopped. What was finished is kept; the same command goes on from there."
        typer.echo(f"\n{one_line(text)}", err=True)
        number = stop.signal_number if isinstance(stop, TrainingInterrupted) else signal.SIGINT
        raise typer.Exit(128 + number) from stop
    except SrbenchError as error:
        _say(str(error), error, json=json)
        raise typer.Exit(2) from error
    except BrokenPipeError as error:
        # The reader has left (`srbench list | head`); nothing more to print.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from error
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        fault: Any = error
        if hasattr(fault, "format_message"):  # the parser's own faults; typer keeps their classes private
            command = fault.ctx.command_path if fault.ctx else "srbench"
            message, hint = fault.format_message().rstrip("."), option_hint(fault)
            message = f"{message.partition(' Did you mean')[0].rstrip('.')}. {hint}" if hint else message
            _say(f"{message} (see `{command} --help`).", error, json=json)
            raise typer.Exit(2) from error
        unexpected = (
            f"srbench failed unexpectedly ({type(error).__name__}: {text_of(error)}); "
            "run again as `srbench --debug …` for the traceback, and please report it."
        )
        _say(_fault_of_a_name(error) or unexpected, error, json=json)
        raise typer.Exit(2) from error


def _fault_of_a_name(error: Exception) -> str:
    """Describe a file's name that this system cannot hold; any command may meet one. Empty for other errors."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        name = str(error.filename)
        return f"The path {name[:60]!r}… has {len(name)} characters, more than this system allows; give a shorter one."
    if isinstance(error, UnicodeEncodeError) and any("\udc80" <= c <= "\udcff" for c in error.object):
        return f"The name {error.object[:200]!a} is not valid UTF-8; rename the file."
    return ""


def _say(text: str, error: BaseException, *, json: bool) -> None:
    """Print why a command ends with exit status 2."""
    if os.environ.get("SRBENCH_DEBUG"):
        traceback.print_exception(error)
    if json:
        print_json_error(error, text)
    else:
        complain(text)


app = Commands(
    name="srbench",
    cls=Sentences,
    help="One benchmark for single-image super-resolution: plugins in, traceable leaderboards out.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,  # plain help, which starts in half the time: drawing it with rich loads 150 modules
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("status")(status.status)
app.command("cancel")(status.cancel)
app.command("search")(search.search)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("reproduce")(reproduce.reproduce)
app.command("upscale")(upscale.upscale)
app.command("export")(export.export)
app.command("push")(export.push)
app.command("score")(score.score)
app.command("degrade")(degrade.degrade)
app.command("profile")(profile.profile)
app.command("pick")(pick.pick)
app.command("judge")(judge.judge)
app.command("list")(listing.list_)
app.command("show")(show.show)
app.command("plugins")(plugins.plugins)
app.command("check")(plugins.check)
app.command("init")(init.init)
app.command("add-plugin")(add_plugin.add_plugin)
app.command("fetch")(data.fetch_network)
app.add_typer(data.app, name="data")
app.add_typer(cache.app, name="cache")
app.add_typer(doctor.app, name="doctor")


def _version(asked: bool) -> None:
    if asked:
        import importlib.metadata

        typer.echo(f"srbench {importlib.metadata.version('srbench')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[  # noqa: ARG001 - acts in its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of every command."""
    if debug:
        os.environ["SRBENCH_DEBUG"] = "1"


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no character ends the work, in any encoding
    try:
        app(prog_name="srbench")
    finally:
        gc.freeze()  # looking for garbage in all that torch made, at the very end, takes a third of a second
