"""Times: RFC 3339 text at the edge, as Kubernetes writes it, Unix seconds inside."""

from datetime import UTC, datetime


def timestamp(seconds: int) -> str:
    """Unix seconds as RFC 3339 in UTC, as Kubernetes writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> int:
    """RFC 3339 as Unix seconds; a time without a zone is taken for UTC.

    Raises:
        ValueError: it is not a time.
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
