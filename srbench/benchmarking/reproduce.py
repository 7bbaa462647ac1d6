"""Make a row of a results folder again: its suite and recipes as files, the command, and the record of a new run."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomlkit

from srbench.benchmarking.old_records import implied
from srbench.benchmarking.run import carry_out
from srbench.benchmarking.schedules import lay_out
from srbench.errors import DataError, UnavailableError, UsageError
from srbench.files import atomic_write, cache_root
from srbench.planning.overrides import RunOptions
from srbench.records.record import Record
from srbench.report.reading import read_records
from srbench.report.rows import KEY_SHOWN, method_of
from srbench.running.events import Listener, Note
from srbench.running.session import open_session

_FILE = re.compile(r"[\w.-]+", re.ASCII)
"""Names of recipes that become files: records come from strangers too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """How to make a row again."""

    record: Record
    files: Mapping[str, str]
    """The suite, which is the first, and the recipes that it names, by file name."""
    unknown: tuple[str, ...]
    """A sentence for each thing that the record does not say."""

    @property
    def suite(self) -> str:
        """The name of the suite's file."""
        return next(iter(self.files))

    @property
    def limit(self) -> int | None:
        """How many images of the dataset were measured; None for all."""
        first = re.search(r"\bfirst=(\d+)", self.record.inference)
        return int(first[1]) if first else None

    @property
    def plugin_files(self) -> tuple[Path, ...]:
        """The files of plugins that the recorded command named."""
        words = self.record.made_by.command if self.record.made_by else ()
        named = [after for before, after in pairwise(words) if before == "--plugin"]
        named += [word.partition("=")[2] for word in words if word.startswith("--plugin=")]
        return tuple(Path(_on_this_machine(name, {})) for name in named)

    def command(self, *, data: Path | None, weights_folders: Sequence[Path]) -> list[str]:
        """Return the words of the `srbench run` that measures the suite in the folder ``reproduced``."""
        environment = self.record.environment
        words = ["srbench", "run", self.suite, "--results", "reproduced"]
        words += ["--data", str(data)] if data else []
        words += [word for folder in weights_folders for word in ("--weights-dir", str(folder))]
        words += [word for path in self.plugin_files for word in ("--plugin", str(path))]
        words += ["--limit", str(self.limit)] if self.limit else []
        if environment:
            words += ["--device", environment.device, "--threads", str(environment.threads)]
        return words

    def script(self, *, data: Path | None, weights_folders: Sequence[Path]) -> str:
        """Return a shell script that writes the files and runs the command, with what is known as comments."""
        record, environment = self.record, self.record.environment
        lines = [f"# {method_of(record)}, row {record.key[:KEY_SHOWN]}, measured {record.created}"]
        if environment:
            commit = f" (git {environment.git_commit})" if environment.git_commit else ""
            origin = f" from {environment.git_origin}" if environment.git_origin else ""
            lines += [
                f"# with srbench {environment.srbench}{commit}{origin}",
                f"# and torch {environment.torch}, Python {environment.python}",
                f"# on {environment.machine_name}, machine {environment.machine}",
            ]
        if record.made_by and record.made_by.command:
            lines += [f"# by: {shlex.join(record.made_by.command)}"]
        lines += [f"# {sentence}" for sentence in self.unknown]
        for name, text in self.files.items():
            lines += ["", f"cat > {shlex.quote(name)} <<'END'", text.rstrip("\n"), "END"]
        command = self.command(data=data, weights_folders=weights_folders)
        return "\n".join([*lines, "", shlex.join(command), ""])


def instructions(record: Record, data: Path | None = None, others: Iterable[Record] = ()) -> Instructions:
    """Return how to make a row again.

    Args:
        record: The record of the row. One of an earlier srbench says less; what it implies is taken.
        data: The folder with the datasets, for files that the record names in it.
        others: Records of the row's folder, which say more about an earlier srbench.

    Raises:
        UnavailableError: The row was not measured.
        DataError: The record names a recipe that cannot be a file.
    """
    if record.status != "ok":
        raise UnavailableError(f"This row was not measured ({record.reason}), so that nothing can be made again.")
    made_by, unknown = (record.made_by, ()) if record.made_by else implied(record, others)
    if odd := [name for name in made_by.recipes if not _FILE.fullmatch(name)]:
        raise DataError(f"The record's recipe {odd[0]!r} is not the name of a file; restore the record.")
    here = partial(_on_this_machine, folders={"$SRBENCH_DATA": data})
    tables = {f"{name}.toml": table for name, table in made_by.recipes.items()}
    suite = next(f"{name}.toml" for name in ("row", "row-suite") if f"{name}.toml" not in tables)
    files = {suite: made_by.suite} | tables
    return Instructions(
        record=record,
        files={name: tomlkit.dumps(_replaced(table, here)) for name, table in files.items()},
        unknown=unknown,
    )


def make_again(
    how: Instructions, folder: Path | None, listener: Listener, *, data: Path | None, weights_folders: Sequence[Path],
    plugin_files: Sequence[Path] = (), device: str | None = None, threads: int | None = None,
) -> Record:  # fmt: skip
    """Train and measure a row again, from nothing, and return its new record.

    Args:
        how: What to do.
        folder: An empty or absent one, which receives the suite, a cache of its own, so that nothing of an earlier run
            is taken, and the results; a temporary one if None.
        listener: Hears how it goes.
        data: The folder with the datasets.
        weights_folders: Folders with published checkpoints.
        plugin_files: Single-file plugins; those of the recorded command if empty.
        device: Where to compute; that of the record if absent.
        threads: CPU threads; those of the record if absent.

    Raises:
        UsageError: There is something in the folder.
        UnavailableError: It cannot be measured; says why.
        SrbenchError: The suite cannot be planned: something that it names is not here.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="srbench-") as temporary:
            return make_again(
                how, Path(temporary), listener, data=data, weights_folders=weights_folders, plugin_files=plugin_files,
                device=device, threads=threads,
            )  # fmt: skip
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"There is something in {folder}, which must not be taken for new; give an empty folder.")
    for name, text in how.files.items():
        atomic_write(folder / name, text)
    environment = how.record.environment

    def warn(sentence: str) -> None:
        listener(Note(text=sentence))

    session = open_session(
        data=data,
        plugin_files=plugin_files or how.plugin_files,
        weights_folders=weights_folders,
        device=device or (environment.device if environment else "cpu"),
        threads=threads if threads is not None else environment.threads if environment else 0,
        warn=warn,
    )
    options = RunOptions(profile=False, limit=how.limit)
    schedule = lay_out(folder / how.suite, options, replace(session, cache=folder / "cache"), warn)
    outcome = carry_out(schedule, folder, session.catalog.executors["here"], 1, listener)
    found = [record for record in read_records(folder).records if record.realisation == how.record.realisation]
    if outcome.failed or not found:
        _, reason = (*outcome.failed, ("", "its suite has no such cell"))[0]
        raise UnavailableError(f"The row cannot be made again: {reason}")
    return found[0]


def _replaced(value: Any, here: Callable[[str], str]) -> Any:  # noqa: ANN401 - any TOML value
    if isinstance(value, dict):
        return {key: _replaced(item, here) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, here) for item in value]
    return here(value) if isinstance(value, str) else value


def _on_this_machine(text: str, folders: Mapping[str, Path | None]) -> str:
    """Return a path of a record with the folders of this machine; see `srbench.running.recording`."""
    known = {"~": Path.home(), "$SRBENCH_CACHE": cache_root()} | {name: at for name, at in folders.items() if at}
    head, slash, rest = text.partition("/")
    return f"{known[head]}/{rest}" if slash and head in known else text
