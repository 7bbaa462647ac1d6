"""One file from the Python package index, without running anything that is in it.

``pip download`` builds a source package to learn its metadata, that is, it executes the package's ``setup.py``. Here
pip only finds and fetches the file: its own finder and session know the configured index, mirrors, proxies,
certificates and credentials. They are not a public interface, so they run in a process of their own, and whatever
goes wrong there is a reason why the file is not available, nothing more.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from srbench.errors import UnavailableError
from srbench.files import CONNECT_TIMEOUT_S, atomic_path, sha256_of

_PATIENCE_S = 900


def fetch_from_index(project: str, filename: str, sha256: str, destination: Path) -> Path:
    """Download one file of a project from the package index that pip is configured for.

    Args:
        project: Name of the project.
        filename: Name of one of its files, as on the index.
        sha256: The file's hash; another file is refused.
        destination: Where it goes.

    Raises:
        UnavailableError: No index can be reached, none has the file, or it is another one; the sentence says which.
        StoreError: The destination cannot be written.
    """
    with atomic_path(destination) as temporary:
        command = [sys.executable, "-m", __name__, project, filename, str(temporary)]
        try:
            asked = subprocess.run(  # noqa: S603 - this Python, this module
                command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"{filename} did not arrive from the package index in {_PATIENCE_S} s.") from error
        if asked.returncode:
            last = (asked.stderr.strip().splitlines() or ["no reason was given"])[-1][:200]
            raise UnavailableError(f"pip could not fetch {filename} from the package index ({last}).")
        if (found := sha256_of(temporary)) != sha256:
            raise UnavailableError(
                f"{filename} from the package index has sha256 {found[:12]}… instead of {sha256[:12]}… and was refused."
            )
    return destination


def _fetch(project: str, filename: str, destination: Path) -> None:
    """The other process: find the file as pip would, and write it."""
    from pip._internal.commands.download import DownloadCommand

    command = DownloadCommand("download", "fetches one file")
    options, _ = command.parse_args(
        ["--no-deps", "--no-binary", ":all:", "--retries", "0", "--timeout", str(CONNECT_TIMEOUT_S), project]
    )
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options=options, session=session)
        links = [candidate.link for candidate in finder.find_all_candidates(project)]
        matching = [link for link in links if link.filename == filename]
        if not matching:
            sys.exit(f"no configured index that answers has {filename}")
        if matching[0].is_file:
            destination.write_bytes(Path(matching[0].file_path).read_bytes())
            return
        answer = session.get(matching[0].url_without_fragment, stream=True)
        answer.raise_for_status()
        with destination.open("wb") as file:
            for block in answer.iter_content(2**18):
                file.write(block)


if __name__ == "__main__":
    _fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
