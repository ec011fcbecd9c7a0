"""Reasons about tightened alerts: the overlay on its way into Prometheus, and what `protection.alerts` asks for."""

from hypercare.domain.reasons.explanation import Explanation, Subject

_LOADING = (
    "Wait: usually a minute, at most five, for the kubelet and the config reloader pass the rules on. If it lasts, the "
    "message and `kubectl hypercare doctor` say since when, and who should load the rules and does not."
)
_RULER = "Name the server that has the results of the ruler in `prometheus.url` of the profile."
_CRDS = "Install the CRDs of prometheus-operator."

OVERLAY = Subject(
    "Tightened alerts on their way into Prometheus",
    "`AlertsTightened` is True when Prometheus is seen evaluating exactly the current overlay, every group of it.",
    (
        Explanation("Live", "Prometheus evaluates exactly this version"),
        Explanation(
            "Writing",
            "the overlay, or a change of an object for more capacity, is being written",
            "Nothing to do: it takes its time.",
        ),
        Explanation("OverlayNotLoaded", "Prometheus does not evaluate the current overlay yet", _LOADING),
        Explanation(
            "OverlayPartlyLoaded",
            "Prometheus evaluates some groups of the current overlay, and not all of them yet; an earlier version may "
            "still be loaded",
            _LOADING,
        ),
        Explanation(
            "OverlayOnSomeReplicas",
            "not every server of `prometheus.replicas` evaluates the overlay: the message tells on how many, and names "
            "one with its reason",
            "Look at the server that is named.",
        ),
        Explanation(
            "OverlayNotSelected",
            "no Prometheus or ThanosRuler selects the overlay",
            "Put the labels that the `ruleSelector` asks for, which the message names, into `rules.labels` of the "
            "profile, or label the namespace.",
        ),
        Explanation(
            "OverlayRefused",
            "prometheus-operator refuses the overlay. Alerts whose own PrometheusRule it refuses too, or that no "
            "Prometheus selects, are left out at once (`status.alerts.refusals`), until that object changes",
            "If it lasts, look at the log of prometheus-operator, which names the rule that it refuses.",
        ),
        Explanation(
            "OtherPrometheus",
            "the endpoint evaluates neither the overlay nor the originals",
            "Name the Prometheus that evaluates these rules in `prometheus.url` of the profile.",
        ),
        Explanation(
            "LoadedRulesUnknown",
            "the rules may be evaluated by a ruler whose results the endpoint does not have; which rules are loaded "
            "cannot be read there",
            _RULER,
        ),
        Explanation(
            "ResultsElsewhere",
            "the rules are loaded and evaluated, and their results are not where the endpoint reads",
            _RULER,
        ),
        Explanation(
            "RuleGroupFails",
            "Prometheus has the group and fails to evaluate its heartbeat",
            "Correct what the error in the message says; the rules page of Prometheus shows it too.",
        ),
        Explanation(
            "OverlayRepaired",
            "somebody, named if the API server tells, edited or deleted the overlay; it was written again at once",
            "Keep the PrometheusRules `hypercare-*` out of what manages the others.",
            "gitops.md",
        ),
        Explanation(
            "OverlayContested",
            "somebody keeps changing the overlay: it is left as it is for 1 minute, doubling to 1 hour",
            "Keep the PrometheusRules `hypercare-*` out of what manages the others.",
            "gitops.md",
        ),
        Explanation("EvaluationStopped", "Prometheus had the rules and evaluates them no more", _LOADING),
        Explanation("PrometheusRuleNotServed", "the cluster does not serve the kind PrometheusRule", _CRDS),
        Explanation("AlertmanagerConfigNotServed", "the cluster does not serve the kind AlertmanagerConfig", _CRDS),
        Explanation(
            "OverlayNameTaken",
            "another object has the name `hypercare-<period>`",
            "Rename the period, or delete that object.",
        ),
        Explanation(
            "OverlayRejected",
            "the API server refused the overlay; the message of an admission webhook names the rule",
            "Correct the rule that is named, or leave its alert out of `protection.alerts.from`.",
        ),
        Explanation(
            "OverlayTooLarge", "the copies are more than 16 MiB", "Select fewer alerts in `protection.alerts.from`."
        ),
        Explanation(
            "Forbidden",
            "the operator's account may not do this; the message names the permission",
            "Apply the RBAC of `manifests/install`, or of the chart in this version; `kubectl hypercare doctor` lists "
            "what lacks.",
            "permissions.md",
        ),
        Explanation(
            "WriteFailed",
            "the API server did not take a change (an admission webhook that is down, an overload); it is tried again",
            "Look at what the server says.",
        ),
    ),
)

ASKED_FOR = Subject(
    "What `protection.alerts` asks for",
    "",
    (
        Explanation(
            "RuleNotFound",
            "`protection.alerts` names a PrometheusRule that does not exist in the namespace, or where the profile "
            "shares rules",
            "Correct `protection.alerts.from`, or create the PrometheusRule.",
        ),
        Explanation(
            "AlertNotFound",
            "`protection.alerts` names an alert that no selected rule has",
            "Correct `protection.alerts`.",
        ),
        Explanation(
            "NoAlertSelected",
            "`protection.alerts.from` selects nothing in the namespace, or where the profile shares rules",
            "Correct `protection.alerts.from`.",
        ),
        Explanation(
            "NoTargetMentioned",
            "the namespace has alerts, and none of them names a target",
            "Name the rules in `protection.alerts.from`.",
            "tighten.md#which-alerts",
        ),
        Explanation(
            "NothingShared",
            "`from: [{shared: true}]`, and the profile has no `rules.shared`",
            "Leave `shared` out, or ask the platform team to share rules in the profile (`rules.shared`).",
        ),
        Explanation(
            "InvalidRule",
            "a rule of the namespace cannot be read; the message names its place",
            "Correct the rule at that place.",
        ),
        Explanation(
            "InvalidPromQL",
            "an expression of the period does not parse, or Prometheus refuses it; the message names the field",
            "Correct the field that is named, and try it with `kubectl hypercare lint`.",
        ),
        Explanation(
            "InvalidIndicator",
            "an alert of `protection.alerts.add` cannot be made of its indicator: not in the catalog, not a target, a "
            "bound on the wrong side, no runbook or owner; the others are made",
            "Correct the added alert.",
            "indicators.md",
        ),
        Explanation(
            "AlertmanagerNotConfigured",
            "`inhibitOriginals` needs `alertmanager` in the profile, to ask what is silenced and muted",
            "Name the Alertmanager in the profile, or leave `inhibitOriginals` out.",
        ),
        Explanation(
            "PagesElsewhere",
            "a copy with `deliver: Page` would not reach whom its original reaches; the message names both receivers, "
            "or the labels by which groups differ",
            "Route the copy to the receiver of its original, or let it notify.",
            "alerting.md#a-page-that-goes-elsewhere",
        ),
    ),
)
