"""Reasons of the steps of a run's life, as Events and the timeline tell them."""

from hypercare.domain.reasons.explanation import Explanation, Subject

LIFE = Subject(
    "The life of a run",
    "Told as Events on the period, in its timeline and in the report. Those that are conditions or phases as well have "
    "the same meaning there.",
    (
        Explanation("ProtectingAhead", "protections are applied ahead of the start (`window.start.protectBefore`)"),
        Explanation("RolloutObserved", "a rollout without a readable version is complete, or is so no more"),
        Explanation("WindowStarted", "the window has started; the message says why"),
        Explanation("Protected", "everything that is requested is in effect"),
        Explanation("AlertsTightened", "Prometheus evaluates exactly the current overlay"),
        Explanation("ScalingRaised", "every raised target has at least its floor of ready replicas"),
        Explanation("StageChanged", "another stage has begun, or its strength was changed in the spec"),
        Explanation("CriterionMet", "the verdict on a criterion became `Met`"),
        Explanation(
            "CriterionUnmet",
            "the verdict on a criterion became `Unmet`",
            "Fix what is measured, or roll back.",
        ),
        Explanation(
            "CriterionUnknown",
            "the verdict on a criterion became `Unknown`",
            "`kubectl hypercare why` says what is missing.",
        ),
        Explanation(
            "Regressed",
            "a criterion went past its `regression` bound",
            "Fix what is measured, or roll back.",
        ),
        Explanation("Hotfix", "another version replaces the one of this run, and every streak restarts"),
        Explanation(
            "Extended", "the window goes on: the criteria are not met at its planned end, or the end was moved"
        ),
        Explanation("HardEndReached", "the hard end came while the period was suspended: relaxing goes on"),
        Explanation(
            "Suspended",
            "suspended by the spec; the hard end comes all the same",
            "Set `spec.suspend` to false to go on.",
        ),
        Explanation("Resumed", "the suspension is over, and the run goes on in the phase that it was in"),
        Explanation("RelaxingStarted", "protections go down step by step; the message says why"),
        Explanation("Relaxed", "strength went one step down, or has reached 0"),
        Explanation("Relaxing", "protections go down step by step"),
        Explanation("RelaxingReverted", "the criteria were unmet again while relaxing: the last stage returned"),
        Explanation("RolledBack", "the release went back to an earlier version: the run relaxes, or ended so"),
        Explanation("Completed", "the exit criteria were met, and everything is restored"),
        Explanation(
            "Ended",
            "ended without its exit criteria met, and everything is restored",
            "`Succeeded` has the reason: `Superseded`, `RolledBack` or `LimitReached`.",
        ),
    ),
)
