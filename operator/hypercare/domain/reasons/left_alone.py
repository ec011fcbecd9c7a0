"""Reasons for which an alert, its threshold or its original is left alone. None of these is an error."""

from hypercare.domain.reasons.explanation import Explanation, Subject

_OTHER_BOUND = "Only an override by name moves it (`protection.alerts.overrides`)."

ALERTS = Subject(
    "Alerts that are left alone",
    "None of these is an error.",
    (
        Explanation("NoFor", "there is no `for` that could be shortened"),
        Explanation(
            "AlreadyShort", "its `for` is at or below `minFor`", "To have it shortened all the same, lower `minFor`."
        ),
        Explanation(
            "StateNotRestored",
            "a shorter `for` would lie below 10m, where Prometheus does not restore the state of an alert after a "
            "restart",
            "Where that does not matter, set `tighten.allowUnrestored`.",
        ),
        Explanation("WithinOneEvaluation", "the shorter `for` would fire at the same evaluation as the original"),
        Explanation("NotShortened", "nothing asks for a shorter `for`"),
        Explanation(
            "OverrideLoosens",
            "an override asks for a longer `for` than the original's, or for a bound that lets less through",
            "Correct the override.",
        ),
        Explanation("AlwaysFires", "a watchdog, or an added alert like one; its copy would only be noise"),
        Explanation("ReadsAlerts", "it reads `ALERTS`, which a copy would change"),
        Explanation(
            "LabelOverridden",
            "a label of the rule overrides one that its result can carry, so that two results could become one",
            "Give the rule's label another name.",
        ),
        Explanation(
            "WouldAlreadyFire",
            "tried on the hours before the run, the copy would have been noise: it would have fired where the original "
            "did not, in more than one episode or right then. Of a threshold: only its `for` is shortened",
        ),
        Explanation(
            "NoTenantLabel",
            "of a shared alert: nothing shows that its results carry the namespace (alerts about nodes and the control "
            "plane), or the expression drops it (`sum by (cluster) (…)`)",
        ),
        Explanation("OtherNamespace", "of a shared alert: its own matchers are about other namespaces"),
        Explanation(
            "OtherWorkloads",
            "of a shared alert: it tells StatefulSets or DaemonSets apart, and no target is one",
        ),
        Explanation(
            "TenantRewritten",
            "of a shared alert: its rule, or `label_replace`, writes the label of the namespace anew",
        ),
        Explanation("ReadsOtherTenants", "of a shared alert: series of other namespaces decide as well"),
        Explanation(
            "ResultWithoutSeries",
            "of a shared alert: it fires on what is missing (`absent`, `or vector(0)`), which belongs to no namespace",
        ),
        Explanation(
            "NamespaceWide",
            "a shared alert that has a copy: it was narrowed to the namespace, and nothing tells which of its results "
            "are about a target",
        ),
        Explanation(
            "UnsupportedPromQL",
            "the parser does not know this form, nothing is guessed; or prometheus-operator would refuse the whole "
            "overlay for it, as the message says",
            "Write it in another form, and try it with `kubectl hypercare lint`.",
        ),
    ),
)

THRESHOLDS = Subject(
    "Thresholds that are left alone",
    "None of these is an error. The `for` may be shorter all the same.",
    (
        Explanation("NotTried", "the copy has not been tried on the history yet, which takes a moment after the start"),
        Explanation(
            "NoHistory",
            "the history before the run cannot be read; the message says why. Where Prometheus does not answer it is "
            "asked again, less and less often",
        ),
        Explanation(
            "NotCalibrated",
            "with `moveThreshold: Calibrated`: the history does not show what is normal; the message says why",
        ),
        Explanation("ComparedWithZero", "a share of 0 is 0", _OTHER_BOUND),
        Explanation("Equality", "`==` and `!=` have no side to move to"),
        Explanation(
            "WholeNumbers",
            "counts, changes, replicas, `up`: `< 3` of three nodes would become `< 3.6` and fire for ever",
            _OTHER_BOUND,
        ),
        Explanation(
            "WholeShare",
            "`< 1` or `< 100`: short of all there is, and more than all is nonsense",
        ),
        Explanation("Code", "the values are codes or states, not amounts (`http_status_code >= 400`)"),
        Explanation("Clock", "it is about the calendar, or its bound is a point in time"),
        Explanation("BoundNotConstant", "it is compared with other series"),
        Explanation(
            "SignUnknown",
            "it is compared with a multiple of something that may be negative: a smaller factor would then be a looser "
            "one",
        ),
        Explanation("BoundNotLiteral", "no single number of its bound can be changed (`5 + 3`)"),
        Explanation("NoThreshold", "it compares nothing with a bound"),
        Explanation("Absence", "it fires on what is missing, where a looser bound is a stricter one"),
        Explanation("BoolModifier", "with `bool` there is a result whatever the bound is"),
        Explanation(
            "InsideAggregation",
            "the comparison is inside something where more results may mean fewer or other ones in the end",
        ),
        Explanation("LeftOfMatchedOr", "more results on the left of `or on (…)` could hide others on its right"),
        Explanation(
            "ResultsCollapse", "two more results could become one by their labels or their name, and fail the rule"
        ),
        Explanation("TextNotUnderstood", "the number could not be found in the text for sure"),
        Explanation("BoundNotMoved", "nothing asks for it at this strength, or no number lies where it should go"),
        Explanation(
            "OverrideAmbiguous",
            "an override names one bound, and the alert has several",
            "Leave `bound` out of the override.",
        ),
    ),
)

ORIGINALS = Subject(
    "Originals that their copies do not mute",
    "With `inhibitOriginals`. None of these is an error: two pages are better than none.",
    (
        Explanation(
            "SeverityLowered",
            "the copy is not as loud as its original. A copy that informs would take the page away; and where a "
            "critical alert mutes warnings, each of the two would mute the other and nobody would hear of either",
        ),
        Explanation(
            "LabelsOpen",
            "the expression does not settle which labels its results have, so instances cannot be told apart for sure",
            "An outer `by (…)` settles them: `sum by (namespace, pod) (…) > 5`.",
        ),
        Explanation("AnotherAlike", "another alert in the cluster has the same name and labels"),
        Explanation("RoutedElsewhere", "the copy is told to somebody else than the original"),
        Explanation("NotOfNamespace", "the original is one that the profile shares"),
        Explanation("TooMany", "a period has at most 200 rules"),
    ),
)
