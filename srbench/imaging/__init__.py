"""The measuring conventions: image files, colour, resizing, borders, tiles.

Everything public can be imported from here; a module is loaded when one of its names is first used, so that
reading the size of an image does not cost the import of torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
