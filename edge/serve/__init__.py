"""What viewers fetch; each a handler over the registry of channels."""
