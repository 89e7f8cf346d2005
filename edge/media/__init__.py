"""From a source's bytes to muxed bytes. The only package that imports av; synchronous; runs in a channel's thread."""
