"""Counts visits to web sites over Matomo's wire format, without keeping anything that relates to a person."""
