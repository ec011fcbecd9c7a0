"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# A machine that is busy with something else must not fail a test: how long an example takes says nothing about it.
settings.register_profile("close", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# What `make unit` runs: enough to see that something broke; `make test` looks closer.
settings.register_profile("quick", settings.get_profile("close"), max_examples=15)
settings.load_profile("close")
