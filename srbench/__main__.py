"""``python -m srbench`` is the command ``srbench``."""

from srbench.cli import main

if __name__ == "__main__":
    main()
