"""Reasons of the verdicts on exit criteria."""

from hypercare.domain.reasons.explanation import Explanation, Subject

_FIX = (
    "Fix what is measured, or roll back; a bound that is too strict can be found out with `kubectl hypercare backtest`."
)
_WAIT = "Nothing to do: it takes its time."
_DIVIDED = "Correct the query, mostly a division by 0: use `ratio`, or `activeWhen` for times without traffic."
_NOT_PROVEN = "Quiet is proven by the overlay's rules, and they are not evaluated"

CRITERIA = Subject(
    "Exit criteria",
    "",
    (
        Explanation("Sustained", "met: the values were within the bound for as long as it asks"),
        Explanation("WithinBudget", "met: no window burns more of the error budget than it may"),
        Explanation("WithinBaseline", "met: no worse than in the past, within the tolerance"),
        Explanation("RunsSucceeded", "met: as many runs of the CronJob succeeded as are asked for"),
        Explanation("BoundViolated", "unmet now: the newest value violates the bound", _FIX),
        Explanation(
            "AlertFiring",
            "unmet now: an alert that must be quiet is not",
            "Resolve the alert that fires: fix the release or roll it back.",
        ),
        Explanation("BudgetBurning", "unmet now: a window burns more of the error budget than it may", _FIX),
        Explanation("OutsideBaseline", "unmet now: worse than in the past, beyond the tolerance", _FIX),
        Explanation(
            "WorkloadDisturbed",
            "unmet now: a target is not available, or has restarted",
            "Look at the pods of the target: `kubectl get pods`, `kubectl describe`.",
        ),
        Explanation(
            "RunFailed",
            "unmet now: more runs of the CronJob failed than may fail",
            "Look at the Job that failed; the criterion asks for runs that succeed.",
        ),
        Explanation(
            "TooManyRestarts",
            "more restarts of the targets' containers in the window than `maxRestarts` tolerates",
            "Find out why the containers restart: `kubectl logs --previous`.",
        ),
        Explanation(
            "RecentlyViolated",
            "good again, but not yet for long enough",
            "Nothing to do while it stays good: it must hold without a break.",
        ),
        Explanation("Collecting", "not enough points yet; the message says how long it will take", _WAIT),
        Explanation("WarmingUp", "nothing counts yet, so that nothing of the old release is read", _WAIT),
        Explanation("CatchingUp", "what was recorded in an absence of the operator is still being read", _WAIT),
        Explanation(
            "TooFewBins",
            "a `baseline` has too little to compare now; the message has the numbers",
            "Let the window go on, or look at why samples are missing.",
        ),
        Explanation(
            "TooFewReferences",
            "a `baseline` has too little to compare with in the past; the message has the numbers",
            "Does Prometheus keep samples for as long as `baseline.against` says?",
        ),
        Explanation("TooManySeries", "a `baseline` compares one series", "Aggregate the query to one series."),
        Explanation(
            "KubeStateMetricsMissing",
            "a `workload` or `runs` criterion has no fresh metrics of kube-state-metrics for its target or CronJob. "
            "Until then the exit waits",
            "Install kube-state-metrics, scrape it with `honorLabels`, and see that the profile's `tenancy` names its "
            "namespace label.",
        ),
        Explanation(
            "TooFewEvents",
            "an error budget cannot be judged on so few events (rule of three: the objective must allow three errors)",
            "Lengthen `slo.over`, or ask for less.",
        ),
        Explanation(
            "RunsNotSeen",
            "a run of the CronJob was scheduled or active and was never seen to end: it may have failed",
            "Look whether the run of the CronJob ended, and how.",
        ),
        Explanation(
            "NoData",
            "the query returns nothing",
            "Does the query return anything for this namespace? For error rates use `ratio`, where no errors count "
            "as 0.",
        ),
        Explanation(
            "TooFewSeries", "fewer series than `minSeries`", "Find out which series are missing, or lower `minSeries`."
        ),
        Explanation(
            "LowTraffic",
            "a ratio without enough traffic (`minTotal`)",
            "Lower `minTotal`, or leave quiet times out with `activeWhen`.",
        ),
        Explanation(
            "ErrorsWithoutTotal",
            "errors of a ratio have labels that its total does not have",
            "Aggregate errors and total by the same labels.",
        ),
        Explanation("NotANumber", "the value is NaN, which cannot be judged", _DIVIDED),
        Explanation("InfiniteValue", "the value is infinite, which cannot be judged", _DIVIDED),
        Explanation(
            "NativeHistogram",
            "the value is a native histogram, which cannot be judged",
            "Take a quantile or a count of it (`histogram_quantile`, `histogram_count`).",
        ),
        Explanation(
            "ScrapeGap",
            "there is a value, but nothing was scraped behind it within `evaluation.freshness`",
            "Look at the scrape target in Prometheus.",
        ),
        Explanation(
            "EvidenceLate",
            "samples arrive, and what lies before them is still missing for longer than `maxDelay` allows",
            "Look at remote write, or raise `evaluation.maxDelay` in the profile.",
        ),
        Explanation(
            "EvidenceStale",
            "evidence has not been judged up to now for five intervals, or has just stopped being so; `EvidenceFresh` "
            "has the reason",
            "Look at `EvidenceFresh`, and at Prometheus (`kubectl hypercare doctor`).",
        ),
        Explanation(
            "EvidenceGaps",
            "more is missing than `coverage` and `maxGap` allow",
            "Look at the scrapes, or allow more.",
        ),
        Explanation("EvidenceMissing", "the newest point is missing", "Is the target scraped?"),
        Explanation(
            "NotActive",
            "`activeWhen` was false all the time",
            "Wait for the time that `activeWhen` names, or correct it.",
        ),
        Explanation(
            "PartialAnswer",
            "Prometheus answered with warnings: what it answers from is not complete",
            "Look at its remote reads, stores and rules: one is missing.",
        ),
        Explanation(
            "NoExitCriteria",
            "neither the period nor its profile has an exit criterion, so nothing could end well",
            "Name at least one exit criterion, in the period or in its profile.",
        ),
        Explanation(
            "InvalidCriterion",
            "a field of the criterion cannot be read; the message names it",
            "Correct the field that is named, and try it with `kubectl hypercare lint`.",
        ),
        Explanation(
            "NoAlertsSelected",
            "an `alerts` criterion selects none",
            "Correct severities, names or labels of the criterion, or `protection.alerts.from`.",
        ),
        Explanation(
            "OverlayNotLive", f"{_NOT_PROVEN} yet", "Look at `AlertsTightened`; loading takes some minutes at most."
        ),
        Explanation("RulesNotEvaluated", _NOT_PROVEN, "Look at `AlertsTightened` and at the rules page of Prometheus."),
        Explanation(
            "NoDataBehindAlert",
            "nothing is scraped that could make the alert fire; it is silent for the wrong reason",
            "Look at what its metrics are scraped from.",
        ),
        Explanation(
            "RuleFails",
            "the alert's expression has a result, but the alert does not fire",
            "Look at its last error on the rules page of Prometheus.",
        ),
        Explanation(
            "AlertNotAttributable",
            "its series carry no namespace, and its name is not unique",
            "Give the alert a name of its own, or a namespace label on its series.",
        ),
        Explanation(
            "QuietNotProvable",
            "no companion series can tell whether this alert has data",
            "Name other alerts in the criterion.",
        ),
    ),
)
