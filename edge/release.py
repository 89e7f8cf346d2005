"""Which build this is. `edge bundle` writes this module anew into a release, with the release's own name."""

from edge import __version__

RELEASE = f"{__version__}-source"  # VERSION-SHA8 in a release, the name of its folder on a host
