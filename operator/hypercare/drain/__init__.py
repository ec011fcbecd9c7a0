"""Restoring everything before an uninstall.

- `drain` does it, `command` is its command line, with the `options` that are read before anything heavy is imported.
- `standstill` is how a running operator learns of it and keeps still.
"""
