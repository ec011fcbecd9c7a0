"""Reasons about a period as a whole, its targets, and how its conditions say that all is well."""

from hypercare.domain.reasons.explanation import Explanation, Subject

NOT_WORKED_FOR = Subject(
    "Nothing is done for the period",
    "Period and profile together cannot be used. Nothing is written, and a run that is open stands still.",
    (
        Explanation(
            "ProfileNotFound",
            "the HypercareProfile that the period names does not exist",
            "Create the HypercareProfile, or name another one in `spec.profile`.",
        ),
        Explanation(
            "NamespaceNotAllowed",
            "the profile's `limits.allowNamespaces` leaves this namespace out",
            "Ask the platform team, or name another profile in `spec.profile`.",
        ),
        Explanation(
            "InvalidSpec",
            "period and profile together make no valid spec; the message names the field",
            "Correct the field that is named; `kubectl hypercare explain` shows where each value comes from.",
        ),
        Explanation(
            "InvalidStatus",
            "somebody else wrote the status; the message says which field cannot be read",
            "Delete the period and create it again.",
        ),
    ),
)

UNCHECKED = Subject(
    "Nothing is enforced for the period",
    "Evidence is read and the report is written, as with `mode: Observe`. What an earlier spec had changed comes back.",
    (
        Explanation(
            "AuthorsUnchecked",
            "the API server does not ask what the authors of periods may do, or less than this version ships; the "
            "message says what is missing or weaker",
            "Apply the policy of the chart or of `manifests/install`, in the operator's version. Without it, run the "
            "operator with `--allow-enforce-without-author-check`, or set `mode: Observe`.",
            "security.md#enforcing-without-the-policy",
        ),
        Explanation(
            "WrittenUnchecked",
            "the spec was written while the API server did not ask what its author may do",
            "Write it again, with any change of the spec, or delete the period and apply it anew.",
            "security.md#enforcing-without-the-policy",
        ),
    ),
)

NEEDS_A_PERSON = Subject(
    "Stalled",
    "`Stalled` has these reasons of its own, and the reason of any problem that only a person can mend.",
    (
        Explanation(
            "DecisionNeeded",
            "the hard end has come without the evidence, and protections are held for `atLimit.hold`",
            "Release a fix, roll back, or move the hard end (`window.duration`, `window.extension`).",
        ),
        Explanation(
            "NotAppliedInTime",
            "a protection, or a target, has been missing for more than 10 minutes; it is tried again all the time",
            "Do what the condition that the message names asks for.",
        ),
        Explanation(
            "NotRestoredInTime",
            "a value is not back 10 minutes after strength 0",
            "Look at the object that is named: `kubectl get hch` lists every value that is still changed.",
        ),
    ),
)

TARGETS = Subject(
    "Targets, and what the start waits for",
    "",
    (
        Explanation(
            "TargetNotFound",
            "a workload of `spec.targets` does not exist",
            "Create the workload, or correct `spec.targets`.",
        ),
        Explanation(
            "RolloutInProgress",
            "the pods of the release are not all there yet; `window.start.timeout` starts anyway",
            "Wait for the rollout, or look at it (`kubectl rollout status`).",
        ),
        Explanation(
            "OtherVersion",
            "the pods run another version than `release.version`",
            "Do the pods run the release? If its version is written differently there, see `release.match`.",
        ),
        Explanation(
            "VersionNotMatched",
            "no version can be read from the pods; the rollout has to stay complete for 60 seconds",
            "Wait a minute.",
        ),
        Explanation(
            "ZeroReplicas",
            "a target without replicas is not rolled out, and its `workload` criterion says nothing",
            "Scale the target up.",
        ),
        Explanation("AllFound", "every target exists and its autoscaler was identified"),
    ),
)

WELL = Subject(
    "All is well, or takes its time",
    "",
    (
        Explanation("RunStarted", "a run has just begun, and nothing has been looked at yet"),
        Explanation("WaitingForStart", "the window has not started", "Wait for the start, or look at the rollout."),
        Explanation("Applying", "what the message names is being applied, for at most 10 minutes"),
        Explanation("Settled", "nothing is being applied"),
        Explanation("NothingBlocks", "nothing needs a person"),
        Explanation("WaitingForEvidence", "protected and watched; the exit criteria are not met yet"),
        Explanation("Watching", "protected and watched; the exit criteria are met, and the window is not over"),
        Explanation("NotRequested", "the period asks for nothing of the kind, or nothing was selected"),
        Explanation("ObserveMode", "mode Observe: nothing is written"),
        Explanation("NotYet", "protections are applied from their set time on"),
        Explanation("Fresh", "every criterion is read as far as it can be"),
        Explanation("AllMet", "all exit criteria are met, for as long as they ask"),
        Explanation(
            "Unmet",
            "an exit criterion is unmet or has regressed; the message says which",
            "`kubectl hypercare why` lists what is in the way, with what to do about each.",
        ),
        Explanation(
            "Unknown",
            "no exit criterion is unmet, and not all are known to be met",
            "`kubectl hypercare why` lists what is in the way, with what to do about each.",
        ),
        Explanation("WithinBounds", "no criterion is past its `regression` bound"),
        Explanation(
            "PastRegressionBound",
            "a criterion is past its `regression` bound; the message says which",
            "Fix what is measured, or roll back.",
        ),
        Explanation("Protecting", "values are changed, as they should be"),
        Explanation("NothingHeld", "nothing of this run is changed any more"),
        Explanation("InProgress", "the run is open"),
        Explanation("Met", "ended with its exit criteria met"),
        Explanation("LimitReached", "ended without: no decision came in time after the hard end"),
    ),
)
