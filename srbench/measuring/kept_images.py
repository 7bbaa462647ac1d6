"""Keep the images of a measurement as files, for the pictures of reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from srbench.files import short_stem
from srbench.imaging.files import write_png
from srbench.imaging.pixels import to_uint8
from srbench.measuring.inference import Enlarged
from srbench.measuring.kept_maps import write_map
from srbench.measuring.pairs import Pair


def keep_images(pair: Pair, made: Sequence[Enlarged], folder: Path, *, maps: bool) -> dict[str, object]:
    """Write sr, hr and lr of an image, all its samples if there are several, and the map of uncertainty.

    Args:
        pair: The image.
        made: Its samples, or its only sr.
        folder: Where the files go.
        maps: Whether the map means something.

    Returns:
        The fields of `ImageScores` that name files.
    """
    files: dict[str, object] = {}
    stem = short_stem(pair.name)
    uncertainty = made[0].uncertainty
    if maps and uncertainty is not None and pair.hr is not None:
        path = folder / f"{stem}_map.npz"
        write_map(path, uncertainty)
        files["map_file"] = path.name
    for kind, image in (("sr", made[0].sr), ("hr", pair.hr), ("lr", pair.lr)):
        if image is not None:
            files[f"{kind}_file"] = _write(folder / f"{stem}_{kind}.png", image)
    if len(made) > 1:
        others = [_write(folder / f"{stem}_sr{number}.png", one.sr) for number, one in enumerate(made[1:], start=2)]
        files["sample_files"] = (files["sr_file"], *others)
    return files


def _write(path: Path, image: Tensor) -> str:
    write_png(path, to_uint8(image[0].float().cpu().permute(1, 2, 0).squeeze(2)).numpy())
    return path.name
