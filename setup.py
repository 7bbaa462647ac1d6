"""Add to pyproject.toml what it cannot say: which packages there are, and where the TOML tables go."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

DataFiles = list[tuple[str, str, str, list[str]]]


class BuildWithTables(build_py):
    """Put the TOML tables from the top of the repository into ``srbench/shipped`` of what is built.

    The source tree stays without copies or links: `srbench.files.shipped` finds the tables in both places.
    """

    def finalize_options(self) -> None:
        """List the tables as data files of the package."""
        super().finalize_options()
        folders = [sorted(Path(folder).glob("*.toml")) for folder in ("suites", "recipes")]
        tables = ["datasets.toml", *(str(path) for paths in folders for path in paths)]
        shipped = ("srbench", "", str(Path(self.build_lib, "srbench", "shipped")), tables)
        self.data_files: DataFiles = [*self.data_files, shipped]

    def get_data_files_without_manifest(self) -> DataFiles:
        """Bring the same files into source archives."""
        return self.data_files


setup(
    # `plugins/` is importable as `srbench_plugins`, in editable installs and from a wheel.
    packages=[
        *find_packages(include=["srbench", "srbench.*"]),
        "srbench_plugins",
        *(f"srbench_plugins.{package}" for package in find_packages("plugins")),
    ],
    package_dir={"srbench_plugins": "plugins"},
    cmdclass={"build_py": BuildWithTables},
)
