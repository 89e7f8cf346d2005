"""TOML into frozen structs; every mistake named with its path."""
