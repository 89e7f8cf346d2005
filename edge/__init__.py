"""edge: one steady live channel from a source that keeps failing, on a very small host."""

__version__ = "0.1.0"
