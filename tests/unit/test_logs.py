"""Of the lines that Kopf writes for each attempt at each watch, those that say something new are logged."""

import logging

import pytest

from hypercare.logs import RetryFilter

ATTEMPT = "Request attempt #3 failed; will retry: GET https://10.0.0.1/apis -> "
AWAY = f"{ATTEMPT}ClientConnectorError('Cannot connect')"


def refused(namespace: str) -> str:
    message = f'deployments.apps is forbidden: User "care" cannot watch resource "deployments" in "{namespace}"'
    return f"{ATTEMPT}APIForbiddenError('{message}', {{'kind': 'Status'}}, status=403)"


class Log:
    """What passes the filter, at a time of the test's own."""

    def __init__(self) -> None:
        self.filter = RetryFilter(30.0)
        self.lines: list[str] = []

    def write(self, message: str, at: float, name: str = "kopf._cogs.clients.api") -> None:
        record = logging.LogRecord(name, logging.ERROR, "", 0, message, (), None)
        record.created = at
        if self.filter.filter(record):
            self.lines.append(record.getMessage())


@pytest.fixture
def log() -> Log:
    return Log()


def test_an_outage_is_told_now_and_then(log: Log) -> None:
    for second in range(61):
        log.write(AWAY, 1000.0 + second)
    assert log.lines == [AWAY, AWAY, AWAY]


def test_each_watch_that_is_refused_is_told_with_what_to_do(log: Log) -> None:
    for namespace in ("shop", "billing", "shop", "billing"):
        log.write(refused(namespace), 1000.0)
    assert [line.rpartition(' "')[2] for line in log.lines] == [
        'shop": apply the RBAC of manifests/install',
        'billing": apply the RBAC of manifests/install',
    ]
    assert all('cannot watch resource "deployments"' in line for line in log.lines)


def test_a_refusal_hides_no_outage(log: Log) -> None:
    log.write(refused("shop"), 1000.0)
    log.write(AWAY, 1001.0)
    assert log.lines[1] == AWAY


def test_whatever_else_is_logged_passes(log: Log) -> None:
    log.write("Starting", 1000.0)
    log.write(ATTEMPT, 1000.0, name="hypercare.loop")
    log.write(ATTEMPT, 1000.0, name="hypercare.loop")
    assert log.lines == ["Starting", ATTEMPT, ATTEMPT]
