"""What to do about a reason, in one sentence: docs/operations.md in short, for the person who is asked at night.

Messages of the status already say what is the case. A reason that is not here needs no more than its message.
"""

_ENDPOINT = "Look at the endpoint of the profile: address, network policy, load (`kubectl hypercare doctor`)."
_CREDENTIALS = "Correct the Secret that the profile names, in the operator's own namespace."
_WAIT = "Nothing to do: it takes its time."
_RULES = "Wait a minute or two; if it lasts, `kubectl hypercare doctor` says who should load the rules and does not."
_EXPRESSION = "Correct the field that is named, and try it with `kubectl hypercare lint`."
_FIX = (
    "Fix what is measured, or roll back; a bound that is too strict can be found out with `kubectl hypercare backtest`."
)

# Reasons of the command line itself, which no status has.
PROFILE_UNREADABLE = "ProfileUnreadable"
REVERT_EXPECTED = "RevertExpected"
_ADVICE = {
    # The whole period
    "ProfileNotFound": "Create the HypercareProfile, or name another one in spec.profile.",
    PROFILE_UNREADABLE: "Ask for the right to read HypercareProfiles: without it, bounds and stages cannot be shown.",
    "NamespaceNotAllowed": "Ask the platform team: limits.allowNamespaces of the profile leaves this namespace out.",
    "InvalidSpec": "Correct the field that is named; `kubectl hypercare explain` shows where each value comes from.",
    "InvalidStatus": "Somebody else wrote the status; delete the field that is named, and the operator writes it anew.",
    "NoExitCriteria": "Name at least one exit criterion, in the period or in its profile.",
    "NotSeen": "Is the operator running, and does it serve this namespace? `kubectl hypercare doctor` looks.",
    "NotUpToDate": "Wait a moment; if it lasts, is the operator running? `kubectl hypercare doctor` looks.",
    "DecisionNeeded": "Release a fix, roll back, or move the hard end (spec.window.duration, spec.window.extension).",
    "NotAppliedInTime": "Do what the protection that is named asks for; it is tried again all the time.",
    "NotRestoredInTime": "Look at the object that is named: `kubectl get hch` lists every value that is still changed.",
    "Suspended": "Set spec.suspend to false to go on; the hard end comes all the same.",
    # Targets and the start
    "TargetNotFound": "Create the workload, or correct spec.targets.",
    "RolloutInProgress": "Wait for the rollout, or look at it (`kubectl rollout status`).",
    "OtherVersion": "Do the pods run the release? If its version is written differently there, see spec.release.match.",
    "VersionNotMatched": "Wait: the rollout must stay complete for a minute, for no version can be read from the pods.",
    "ZeroReplicas": "Scale the target up: without replicas nothing is rolled out.",
    # Alerts
    "Writing": _WAIT,
    "OverlayNotLoaded": _RULES,
    "OverlayPartlyLoaded": _RULES,
    "OverlayNotSelected": "Put the labels that the ruleSelector asks for into rules.labels of the profile.",
    "OverlayRefused": "Look at the log of prometheus-operator, which names the rule that it refuses.",
    "OtherPrometheus": "Name the Prometheus that evaluates these rules in prometheus.url of the profile.",
    "LoadedRulesUnknown": "Name the server that has the results of the ruler in the profile.",
    "ResultsElsewhere": "Name the server that has the results of the ruler in the profile.",
    "RuleGroupFails": "Prometheus fails to evaluate the group, with the error that is told.",
    "OverlayContested": "Keep the PrometheusRules `hypercare-*` out of what manages the others; see docs/gitops.md.",
    "EvaluationStopped": _RULES,
    "OverlayOnSomeReplicas": "Look at the server that is named, of those in prometheus.replicas of the profile.",
    "OverlayRepaired": "Keep whoever is named from editing the PrometheusRules `hypercare-*`; they were written again.",
    "PrometheusRuleNotServed": "Install the CRDs of prometheus-operator.",
    "AlertmanagerConfigNotServed": "Install the CRDs of prometheus-operator.",
    "AlertmanagerNotConfigured": "Name the Alertmanager in the profile, or leave inhibitOriginals out.",
    "PagesElsewhere": "Route the copy to the receiver of its original, or let it notify; see docs/alerting.md.",
    "NoTargetMentioned": "Name the rules in protection.alerts.from: no alert of the namespace names a target.",
    "NothingShared": "Leave `shared` out, or ask the platform team to share rules in the profile (rules.shared).",
    "RuleNotFound": "Correct protection.alerts: it names a PrometheusRule that the namespace does not have.",
    "AlertNotFound": "Correct protection.alerts: it names an alert that no selected rule has.",
    "NoAlertSelected": "Correct protection.alerts.from: nothing in the namespace is selected.",
    "InvalidRule": "Correct the rule at the place that is named.",
    "InvalidPromQL": _EXPRESSION,
    "InvalidIndicator": "Correct the added alert; docs/indicators.md has the catalog.",
    "OverlayNameTaken": "Rename the period, or delete the object that has this name.",
    "OverlayRejected": "The API server refused the copies; its message names the rule.",
    "OverlayTooLarge": "Select fewer alerts.",
    "Forbidden": "Give the operator the permission that is named; `kubectl hypercare doctor` lists them all.",
    "WriteFailed": "Look at what the server says; it is tried again.",
    # Scaling
    "Raising": _WAIT,
    "Claiming": _WAIT,
    "WaitingForReplicas": "Look at the pods that do not become ready: quota, nodes, image (`kubectl get events`).",
    "UnknownTarget": "Correct protection.scaling or protection.disruption: it names no element of targets.",
    "NoAutoscaler": "Remove the ceiling: nothing but the target itself sets its replicas.",
    "SeveralAutoscalers": "Keep exactly one HorizontalPodAutoscaler or ScaledObject for the target.",
    REVERT_EXPECTED: "Give the tool the settings of docs/gitops.md, once; nothing is to be done where it has them.",
    "OwnedAutoscaler": "Set the replicas at the object that writes the autoscaler (such as a Canary of Flagger).",
    "OwnedWorkload": "Set the replicas at the object that writes the workload.",
    "OwnedBudget": "Set the disruption budget at the object that writes it.",
    "NoReplicas": "Write spec.replicas of the Rollout.",
    "PercentOfZero": "Write the floor as a count: the ScaledObject scales to zero.",
    "PeakUnread": "Look at why Prometheus does not answer; it is asked again.",
    "PeakUnknown": "Write the floor as a count, or have Prometheus scrape kube-state-metrics.",
    "NoBudget": "Create a PodDisruptionBudget for the pods of the target, or leave it out of protection.disruption.",
    "SeveralBudgets": "Name one of the PodDisruptionBudgets in protection.disruption[].budget.",
    "BudgetUnset": "Set minAvailable or maxUnavailable of the PodDisruptionBudget.",
    "Unschedulable": "Give the pods room: more nodes, or smaller requests (`kubectl get events`).",
    "QuotaExceeded": "Raise the ResourceQuota of the namespace, or lower the floor.",
    "NotScalable": "Leave the DaemonSet out of protection.scaling: it runs once per node.",
    "ScalingDisabled": "Nothing to do unless it should run: the target is at zero replicas and is not woken up.",
    "Contested": "Stop the writer that is named from reverting the value; see docs/gitops.md.",
    "Refused": "Do what the message says; it is tried again.",
    # Exit criteria
    "BoundViolated": _FIX,
    "AlertFiring": "Resolve the alert that fires: fix the release or roll it back.",
    "BudgetBurning": _FIX,
    "OutsideBaseline": _FIX,
    "WorkloadDisturbed": "Look at the pods of the target: `kubectl get pods`, `kubectl describe`.",
    "TooManyRestarts": "Find out why the containers restart: `kubectl logs --previous`.",
    "RunFailed": "Look at the Job that failed; the criterion asks for runs that succeed.",
    "RunsNotSeen": "Look whether the run of the CronJob ended, and how.",
    "RecentlyViolated": "Nothing to do while it stays good: it must hold without a break.",
    "Collecting": _WAIT,
    "WarmingUp": _WAIT,
    "CatchingUp": _WAIT,
    "NoData": "Does the query return anything for this namespace? For error rates use `ratio`, which knows no traffic.",
    "TooFewSeries": "Find out which series are missing, or lower minSeries.",
    "LowTraffic": "Lower minTotal, or leave quiet times out with activeWhen.",
    "ErrorsWithoutTotal": "Aggregate errors and total by the same labels.",
    "NotANumber": "Correct the query: it divides by zero or joins what does not belong together.",
    "InfiniteValue": "Correct the query: it divides by zero.",
    "NativeHistogram": "Take a quantile or a sum of the histogram.",
    "ScrapeGap": "Look at the scrape target in Prometheus: there is a value, but nothing was scraped behind it.",
    "EvidenceLate": "Samples arrive late: look at remote write, or raise evaluation.maxDelay in the profile.",
    "EvidenceGaps": "More is missing than coverage and maxGap allow: look at the scrapes, or allow more.",
    "EvidenceMissing": "The newest points are missing: is the target scraped?",
    "NotActive": "Wait for the time that activeWhen names, or correct it.",
    "PartialAnswer": "Prometheus answered with warnings: a store or a shard is missing.",
    "TooFewBins": "Let the window go on, or compare with more of the past (baseline.against).",
    "TooFewReferences": "Does Prometheus keep samples for as long as baseline.against says?",
    "TooManySeries": "Aggregate the query to one series.",
    "KubeStateMetricsMissing": "Install kube-state-metrics and scrape it with honorLabels; see docs/operations.md.",
    "TooFewEvents": "Lengthen slo.over, or ask for less: on so few events no budget can be judged.",
    "UnsupportedPromQL": _EXPRESSION,
    "InvalidCriterion": _EXPRESSION,
    "NoAlertsSelected": "Correct the alerts criterion: it selects none.",
    "OverlayNotLive": "Quiet is proven by rules that are not evaluated yet: see AlertsTightened.",
    "RulesNotEvaluated": "Quiet is proven by rules that are not evaluated: see AlertsTightened.",
    "NoDataBehindAlert": "Is the target of the alert scraped? An alert without data is silent for the wrong reason.",
    "RuleFails": "Look at the rule in Prometheus: its expression has a result, and the alert does not fire.",
    "AlertNotAttributable": "Give the alert a name of its own, or a namespace label on its series.",
    "QuietNotProvable": "Name other alerts in the criterion: nothing can tell whether this one has data.",
    # Endpoint
    "PrometheusUnreachable": _ENDPOINT,
    "PrometheusTimeout": _ENDPOINT,
    "PrometheusRefused": _ENDPOINT,
    "InvalidAnswer": _ENDPOINT,
    "PrometheusUnauthorized": "Put valid credentials into the profile's Secret, or name the tenant in its headers.",
    "SecretNotFound": _CREDENTIALS,
    "SecretInvalid": _CREDENTIALS,
    "SecretForbidden": "Apply the Role hypercare-operator-secrets of manifests/install in the operator's namespace.",
    "SecretUnreadable": "Nothing to do: the API server is asked again.",
}
OWN_REASONS = frozenset({"NotSeen", "NotUpToDate", PROFILE_UNREADABLE, REVERT_EXPECTED, "Suspended"})
ADVISED = frozenset(_ADVICE)


def advice(reason: str) -> str:
    """What to do about it; empty where the message of the status says all there is."""
    return _ADVICE.get(reason, "")
