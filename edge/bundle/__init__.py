"""What `edge bundle` does on a controller: wheels of a lock file into a release that a host only unpacks.

Never loaded by the worker. Stands on the standard library alone, so that a checkout bundles itself before anything is
installed.
"""
