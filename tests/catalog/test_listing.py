"""A listing is remembered just as long as the plugins, asked again, would give the same."""

import pytest

from srbench.catalog import listing
from srbench.catalog.kinds import KINDS
from srbench.catalog.listing import current_listing
from srbench.errors import PluginError

LOSS = """
import srbench

@srbench.hookimpl
def register_losses():
    return [srbench.LossSpec(name="{name}", label="{label}", build=lambda: None)]
"""


class Asked:
    """Counts how often the plugins are loaded."""

    def __init__(self, folder, load):
        self.folder, self.load, self.times = folder, load, 0

    def __call__(self, files):
        self.times += 1
        return self.load(files)

    def plugin(self, stem="mine", text=LOSS, **facts):
        """Write a single-file plugin where plugins are looked for."""
        path = self.folder / "plugins" / f"{stem}.py"
        path.write_text(text.format(**{"name": f"{stem}_loss", "label": "first"} | facts))
        return path


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A folder with one plugin, a cache and a configuration of its own."""
    (tmp_path / "here" / "plugins").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("SRBENCH_PLUGINS", "files")
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SRBENCH_DATASETS", str(tmp_path / "datasets.toml"))
    counting = Asked(tmp_path / "here", listing.load_catalog)
    counting.plugin()
    monkeypatch.setattr(listing, "load_catalog", counting)
    return counting


def labels():
    return {name: cells[0] for name, cells in current_listing().kinds["loss"].specs.items()}


def test_the_second_listing_is_the_first_and_asks_no_plugin(asked):
    first = current_listing()
    assert first.kinds["loss"].specs == {"mine_loss": ("first", "")}
    assert current_listing() == first
    assert asked.times == 1


def test_everything_in_the_catalog_is_listed_with_a_cell_for_every_column(catalog):
    made = listing.listing_of(catalog)
    for kind, listed in made.kinds.items():
        assert set(listed.specs) == set(catalog.shelf(kind))
        assert {len(cells) for cells in listed.specs.values()} <= {len(KINDS[kind].columns)}
    assert made.kinds["architecture"].specs["edsr_baseline"][:3] == (
        "EDSR-baseline",
        "x2 x3 x4 x8",
        "CVPR Workshops 2017",
    )
    assert made.kinds["architecture"].specs["freqnet"][2] == "arXiv 2021, reimplementation"
    assert made.kinds["distiller"].specs["logits"][1] == "needed"
    assert made.kinds["metric"].families.keys() == {"pyiqa", "seams"}
    assert listing.Listing.model_validate_json(made.model_dump_json()) == made


def test_a_changed_plugin_is_asked_again(asked):
    assert labels() == {"mine_loss": "first"}
    asked.plugin(label="second")
    assert labels() == {"mine_loss": "second"}
    assert asked.times == 2


def test_a_plugin_more_or_less_is_noticed(asked):
    assert labels().keys() == {"mine_loss"}
    path = asked.plugin("another")
    assert labels().keys() == {"another_loss", "mine_loss"}
    path.unlink()
    assert labels().keys() == {"mine_loss"}


def test_a_plugin_given_by_its_path_has_a_listing_of_its_own(asked):
    path = asked.plugin("given").rename(asked.folder / "given.py")
    for _ in range(2):
        assert "given_loss" in current_listing([path]).kinds["loss"].specs
        assert "given_loss" not in current_listing().kinds["loss"].specs
    assert asked.times == 2


def test_a_changed_module_that_a_plugin_imports_is_noticed(asked, monkeypatch):
    module = asked.folder / "leant_on_by_a_plugin.py"
    module.write_text("LABEL = 'leaning'")
    monkeypatch.syspath_prepend(asked.folder)
    asked.plugin(text="import leant_on_by_a_plugin\n" + LOSS)
    assert labels() == labels()
    assert asked.times == 1
    module.write_text("LABEL = 'changed'")
    labels()
    assert asked.times == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda folder, patch: (folder.parent / "datasets.toml").write_text(""),
        lambda folder, patch: patch.setenv("SRBENCH_PLUGIN_TIMEOUT", "50"),
        lambda folder, patch: patch.setattr(listing, "own_code", lambda: [folder]),
    ],
    ids=["a person's datasets", "a variable", "srbench's own code"],
)
def test_whatever_else_decides_the_listing_is_noticed(asked, monkeypatch, change):
    labels()
    change(asked.folder, monkeypatch)
    labels()
    assert asked.times == 2


def test_the_plugins_are_asked_where_that_is_wanted(asked):
    assert current_listing() == current_listing(fresh=True)
    assert asked.times == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"listing": {}}'])
def test_a_damaged_note_is_replaced(asked, tmp_path, text):
    first = current_listing()
    (note,) = (tmp_path / "cache").rglob("*.json")
    note.write_text(text, encoding="latin-1")
    assert current_listing() == current_listing() == first
    assert asked.times == 2


def test_a_cache_that_cannot_be_written_costs_time_alone(asked, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "file" / "cache"))
    assert labels() == labels() == {"mine_loss": "first"}
    assert asked.times == 2


def test_a_broken_plugin_is_reported_each_time_and_forgotten_once_its_cause_has_gone(asked, tmp_path):
    """The state of the code cannot show what it missed."""
    asked.plugin("broken", f"open({str(tmp_path / 'wanted')!r})\n{LOSS}")
    for _ in range(2):
        made = current_listing()
        assert len(made.broken) == 1
        assert made.broken[0].startswith("Plugin broken failed to load: FileNotFoundError")
        assert made.kinds["loss"].specs.keys() == {"mine_loss"}
    (tmp_path / "wanted").touch()
    assert labels().keys() == {"broken_loss", "mine_loss"}


def test_two_plugins_of_one_name_are_refused_each_time(asked):
    asked.plugin("other", name="mine_loss")
    for _ in range(2):
        with pytest.raises(PluginError, match="Two plugins provide the loss 'mine_loss'"):
            current_listing()
