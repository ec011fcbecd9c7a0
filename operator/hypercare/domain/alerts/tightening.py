"""How far an alert is tightened at a given strength, or why it is left as it is.

Strength interpolates between the original (0) and the full tightening (100), in exact whole numbers: a share such as
0.9 is not a binary fraction, and ten seconds less ninety percent must be one second.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from fractions import Fraction

from hypercare.domain.alerts.protection import INHERITED, Inherited, Tighten
from hypercare.domain.durations import format_duration

FULL_STRENGTH = 100
RESTORED_FOR_SECONDS = 600
"""Prometheus restores the state of an alert after a restart only for a `for` of at least this
(`--rules.alert.for-grace-period`, 10m by default)."""


class UntouchedReason(StrEnum):
    """Why an alert has no copy."""

    NO_FOR = "NoFor"
    ALREADY_SHORT = "AlreadyShort"
    STATE_NOT_RESTORED = "StateNotRestored"
    WITHIN_ONE_EVALUATION = "WithinOneEvaluation"
    NOT_SHORTENED = "NotShortened"
    OVERRIDE_LOOSENS = "OverrideLoosens"
    ALWAYS_FIRES = "AlwaysFires"
    READS_ALERTS = "ReadsAlerts"
    LABEL_OVERRIDDEN = "LabelOverridden"
    UNSUPPORTED_PROMQL = "UnsupportedPromQL"
    WOULD_ALREADY_FIRE = "WouldAlreadyFire"
    NO_HISTORY = "NoHistory"
    NOT_TRIED = "NotTried"
    NOT_CALIBRATED = "NotCalibrated"
    NO_THRESHOLD = "NoThreshold"
    COMPARED_WITH_ZERO = "ComparedWithZero"
    EQUALITY = "Equality"
    BOUND_NOT_CONSTANT = "BoundNotConstant"
    SIGN_UNKNOWN = "SignUnknown"
    BOUND_NOT_LITERAL = "BoundNotLiteral"
    WHOLE_NUMBERS = "WholeNumbers"
    WHOLE_SHARE = "WholeShare"
    CODE = "Code"
    CLOCK = "Clock"
    BOOL_MODIFIER = "BoolModifier"
    ABSENCE = "Absence"
    INSIDE_AGGREGATION = "InsideAggregation"
    LEFT_OF_MATCHED_OR = "LeftOfMatchedOr"
    RESULTS_COLLAPSE = "ResultsCollapse"
    TEXT_NOT_UNDERSTOOD = "TextNotUnderstood"
    BOUND_NOT_MOVED = "BoundNotMoved"
    OVERRIDE_AMBIGUOUS = "OverrideAmbiguous"
    NO_TENANT_LABEL = "NoTenantLabel"
    OTHER_NAMESPACE = "OtherNamespace"
    OTHER_WORKLOADS = "OtherWorkloads"
    TENANT_REWRITTEN = "TenantRewritten"
    READS_OTHER_TENANTS = "ReadsOtherTenants"
    RESULT_WITHOUT_SERIES = "ResultWithoutSeries"
    NAMESPACE_WIDE = "NamespaceWide"

    @property
    def refuses_copy(self) -> bool:
        """Whether a copy would be wrong at any strength, not merely without effect at this one."""
        return self in _REFUSING


_REFUSING = frozenset(
    {
        UntouchedReason.OVERRIDE_LOOSENS,
        UntouchedReason.ALWAYS_FIRES,
        UntouchedReason.READS_ALERTS,
        UntouchedReason.WOULD_ALREADY_FIRE,
        UntouchedReason.LABEL_OVERRIDDEN,
        UntouchedReason.UNSUPPORTED_PROMQL,
    }
)


@dataclass(frozen=True)
class Untouched:
    """The alert is not copied; `message` says why in words."""

    reason: UntouchedReason
    message: str


@dataclass(frozen=True)
class BoundChange:
    """One moved bound: the operator as it is read with the value on the left, and the numbers before and after."""

    operator: str
    original: str
    copy: str


@dataclass(frozen=True)
class MovedThreshold:
    """The expression with its deciding bounds moved, and what they were; each different change is listed once."""

    expr: str
    bounds: tuple[BoundChange, ...]


class AsWritten(Enum):
    """The threshold of a copy whose expression is the original's."""

    AS_WRITTEN = "as written"


AS_WRITTEN = AsWritten.AS_WRITTEN


@dataclass(frozen=True)
class Tightened:
    """The copy fires after `copy_for_seconds` instead of `original_for_seconds`, or at a nearer bound, or both.

    `left` says why a lever that was asked for changes nothing.
    """

    original_for_seconds: int
    copy_for_seconds: int
    threshold: MovedThreshold | AsWritten = AS_WRITTEN
    left: tuple[Untouched, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether its threshold differs from the original's."""
        return isinstance(self.threshold, MovedThreshold)

    def __str__(self) -> str:
        """The change in words, as the annotation `hypercare_change` shows it."""
        before = after = ""
        if isinstance(self.threshold, MovedThreshold):
            before = " or ".join(f"{each.operator} {each.original}" for each in self.threshold.bounds)
            after = " or ".join(f"{each.operator} {each.copy}" for each in self.threshold.bounds)
        if self.original_for_seconds:
            before += f" for {format_duration(self.original_for_seconds)}"
            after += f" for {format_duration(self.copy_for_seconds)}"
        return f"{before}, now {after}".replace("  ", " ").strip()


Outcome = Tightened | Untouched


@dataclass(frozen=True)
class ForRule:
    """How the `for` of one alert is to be shortened at full strength."""

    tighten: Tighten
    override_seconds: int | Inherited = INHERITED


@dataclass(frozen=True)
class FiringCopy:
    """A copy that fires now: since when its youngest instance is active, and whether the original fires too."""

    age_seconds: float
    original_fires: bool = False


def shorten_for(original: int, interval: int, rule: ForRule, strength: int) -> Outcome:
    """Shorten a `for` of `original` seconds in a group that is evaluated every `interval` seconds.

    Source of the rule: docs/semantics.md, 2.2. The result is never longer than the original, and differs only when the
    copy can fire at an earlier evaluation.
    """
    if original == 0:
        return Untouched(UntouchedReason.NO_FOR, "it has no for that could be shortened")
    wanted = _wanted(original, rule, strength)
    clamped = wanted
    if original >= RESTORED_FOR_SECONDS and not rule.tighten.allow_unrestored:
        clamped = max(wanted, RESTORED_FOR_SECONDS)
    if _evaluations(clamped, interval) < _evaluations(original, interval):
        return Tightened(original, clamped)
    return _unchanged(original, wanted, clamped, rule)


def _wanted(original: int, rule: ForRule, strength: int) -> int:
    share = Fraction(strength, FULL_STRENGTH)
    if not isinstance(rule.override_seconds, Inherited):
        return int(original - (original - rule.override_seconds) * share)
    shorter = int(original * (1 - Fraction(rule.tighten.shorten_for).limit_denominator(100_000) * share))
    return min(original, max(rule.tighten.min_for_seconds, shorter))


def _evaluations(seconds: int, interval: int) -> int:
    return -(-seconds // interval)


def _unchanged(original: int, wanted: int, clamped: int, rule: ForRule) -> Untouched:
    before = format_duration(original)
    if clamped > wanted:
        limit = format_duration(RESTORED_FOR_SECONDS)
        message = f"a for of {before} stays at {limit} or more (state is lost at a restart below; see allowUnrestored)"
        return Untouched(UntouchedReason.STATE_NOT_RESTORED, message)
    if original <= rule.tighten.min_for_seconds and isinstance(rule.override_seconds, Inherited):
        return Untouched(UntouchedReason.ALREADY_SHORT, f"its for of {before} is not above minFor")
    if wanted == original:
        return Untouched(UntouchedReason.NOT_SHORTENED, f"its for stays {before} at this strength")
    message = f"{before} and {format_duration(wanted)} end at the same evaluation of its group"
    return Untouched(UntouchedReason.WITHIN_ONE_EVALUATION, message)
