"""What `lint` found: where, how bad, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hypercare.cli.documents import Document
from hypercare.cli.lint.positions import Place, Positions


class Severity(StrEnum):
    """An error is refused or cannot work; a warning works, and probably not as it was meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One finding. `path` is the field in the object, `rule` names what it breaks; `fix` may be empty."""

    file: str
    place: Place
    severity: Severity
    rule: str
    subject: str
    path: str
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Source:
    """One object of a file: what it is, and where its fields stand."""

    file: str
    document: Document
    positions: Positions

    @property
    def subject(self) -> str:
        """The object's kind and name."""
        metadata = self.document.body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else ""
        return f"{self.document.kind or 'object'} {name or ''}".rstrip()

    def error(self, path: str, rule: str, message: str, fix: str = "") -> Finding:
        """What cannot work."""
        return self._finding(Severity.ERROR, path, rule, message, fix)

    def warning(self, path: str, rule: str, message: str, fix: str = "") -> Finding:
        """What works otherwise than it was meant."""
        return self._finding(Severity.WARNING, path, rule, message, fix)

    def _finding(self, severity: Severity, path: str, rule: str, message: str, fix: str) -> Finding:
        place = self.positions.of(path)
        return Finding(self.file, place, severity, rule, self.subject, path, message, fix)


def ordered(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Without repetitions, in the order of the files' lines."""
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda each: (each.file, each.place.line, each.place.column, each.path)))
