from .catalog import Catalog, load_catalog

__all__ = ["Catalog", "load_catalog"]
