"""One benchmark for single-image super-resolution. This is the public API, all that a plugin needs.

The names are listed in ``__init__.pyi``. Each is imported when it is first used, so that ``srbench --help`` loads
neither torch nor any plugin.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
