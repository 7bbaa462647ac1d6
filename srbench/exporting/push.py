"""Upload an exported folder to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from srbench.errors import DataError, UnavailableError, UsageError, text_of
from srbench.exporting.hub_folder import is_hub_folder


def push(folder: Path, repository: str, *, private: bool = False) -> str:
    """Upload a folder that `write_hub_folder` wrote, as one commit.

    Args:
        folder: The folder.
        repository: OWNER/NAME; made if it is not there.
        private: Whether a new repository is private.

    Returns:
        The address of the commit.

    Raises:
        DataError: It is not such a folder.
        UnavailableError: The package huggingface_hub is missing, or the hub did not take the folder.
        UsageError: There is no token.
    """
    if not is_hub_folder(folder):
        raise DataError(f"{folder} is not an exported folder; write one with `srbench export MODEL --to hub-folder`.")
    try:
        import huggingface_hub as hub
    except ImportError as error:
        raise UnavailableError("srbench push needs the package huggingface_hub; install srbench[hub].") from error
    if hub.get_token() is None:
        raise UsageError("There is no token of the Hugging Face Hub; log in with `hf auth login`, or set HF_TOKEN.")
    api = hub.HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repository, folder_path=folder, commit_message="Upload a network exported by srbench"
        )
    except Exception as error:  # its own errors, those of httpx, and ValueError for a name
        reason = f"{type(error).__name__}: {text_of(error)[:200]}"
        raise UnavailableError(
            f"{folder} was not uploaded to {repository} ({reason}); check the name, the token's rights "
            "and the network, and push again."
        ) from error
    return str(commit.commit_url)
