"""Find the weights of the Inception network of FID, and verify them by their hash.

They are those of TensorFlow's release of 2015-12-05, as converted by pytorch-fid and hosted by pyiqa.
"""

from __future__ import annotations

from pathlib import Path

import torch

from srbench.errors import UnavailableError
from srbench.files import sha256_of, weights_folder

DIGITS = "6726825d"
"""The first digits of the sha256, by the torch hub's convention in the name."""
FILE = f"pt_inception-2015-12-05-{DIGITS}.pth"


def find_inception() -> Path:
    """Return the file in ``SRBENCH_WEIGHTS`` or the torch hub's cache, without the internet.

    Raises:
        UnavailableError: No place has it, or it is damaged.
    """
    folder, hub = weights_folder(), Path(torch.hub.get_dir())
    places = [*([folder] if folder else []), hub / "pyiqa", hub / "checkpoints"]
    found = next((place / FILE for place in places if (place / FILE).is_file()), None)
    if found is None:
        raise UnavailableError(
            f"needs the weights {FILE}, which are in none of {', '.join(map(str, places))}; download them from "
            "https://github.com/mseitzer/pytorch-fid, into a folder that SRBENCH_WEIGHTS names."
        )
    if not sha256_of(found).startswith(DIGITS):
        raise UnavailableError(f"{found} is damaged: its sha256 does not start with {DIGITS}; download it again.")
    return found
