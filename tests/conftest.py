"""Settings of all tests."""

from hypothesis import settings

# What `make unit` runs: enough to see that something broke; `make test` looks closer.
settings.register_profile("quick", max_examples=15)
