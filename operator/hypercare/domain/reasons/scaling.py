"""Reasons about objects that are changed for more capacity: what keeps one from being changed, and where it stands."""

from hypercare.domain.reasons.explanation import Explanation, Subject

_OWNER = "Set it at the object that writes it, which the message names, or leave it out of the period."
_DEFINITIONS = "Install the CRDs of hypercare."

SCALING = Subject(
    "Raised capacity",
    "A reason of the workload or its autoscaler is passed on as it is, such as `ProgressDeadlineExceeded`: its own "
    "documentation explains it.",
    (
        Explanation("Raising", "the floor is being raised", "Nothing to do: it takes its time."),
        Explanation("Claiming", "the claim is being written", "Nothing to do: it takes its time."),
        Explanation(
            "WaitingForReplicas",
            "the floor is written, and the replicas are not all ready",
            "If it lasts, look at the pods that do not become ready: quota, nodes, image (`kubectl get events`).",
        ),
        Explanation(
            "Unschedulable",
            "no node has room for a pod of the target",
            "Give the pods room: more nodes, or smaller requests (`kubectl get events`).",
        ),
        Explanation(
            "QuotaExceeded",
            "a ResourceQuota of the namespace keeps pods from being made",
            "Raise the ResourceQuota of the namespace, or lower the floor.",
        ),
        Explanation(
            "ImagePullBackOff",
            "the image of a pod cannot be pulled",
            "Correct the image or its pull secret (`kubectl get events`).",
        ),
        Explanation(
            "CrashLoopBackOff",
            "a container of the target keeps crashing",
            "Find out why: `kubectl logs --previous`.",
        ),
        Explanation(
            "Unspecified",
            "the workload has no reason, or one that a condition cannot have",
            "Look at the message, which is passed on as it is.",
        ),
        Explanation("Raised", "the floor is ready"),
        Explanation(
            "UnknownTarget",
            "`protection.scaling` or `protection.disruption` names no element of `targets`",
            "Correct the name, or add the target.",
        ),
        Explanation(
            "SeveralAutoscalers",
            "more than one HorizontalPodAutoscaler or ScaledObject scales the target",
            "Keep exactly one.",
        ),
        Explanation(
            "NoAutoscaler",
            "a `ceiling` is asked for, and nothing but the target itself sets its replicas",
            "Remove the `ceiling`.",
        ),
        Explanation(
            "OwnedAutoscaler",
            "the autoscaler is written by another controller (such as Flagger), which would take a change back",
            _OWNER,
        ),
        Explanation(
            "OwnedWorkload", "the workload is written by another controller, which would take a change back", _OWNER
        ),
        Explanation(
            "OwnedBudget",
            "the PodDisruptionBudget is written by another controller, which would take a change back",
            _OWNER,
        ),
        Explanation(
            "NotScalable",
            "a DaemonSet runs once per node",
            "Leave the DaemonSet out of `protection.scaling`.",
        ),
        Explanation(
            "NoReplicas",
            "a Rollout without `spec.replicas` has no scale that could be written",
            "Write `spec.replicas` of the Rollout.",
        ),
        Explanation(
            "PercentOfZero",
            "a ScaledObject that scales to zero needs a `floor` that is a count",
            "Write the `floor` as a count.",
        ),
        Explanation(
            "PeakUnread",
            "`floor: Peak` needs the replicas of the 7 days before the run, and Prometheus did not answer; it is asked "
            "again, and until then nothing is raised for the target",
            "Look at why Prometheus does not answer (`kubectl hypercare doctor`).",
        ),
        Explanation(
            "PeakUnknown",
            "`floor: Peak` needs the replicas of the 7 days before the run, and Prometheus has none; nothing is raised "
            "for the target",
            "Write the `floor` as a count, or have Prometheus scrape kube-state-metrics (of a Rollout: the controller "
            "of Argo Rollouts).",
        ),
        Explanation(
            "ScalingDisabled",
            "the target is at zero replicas; it is not woken up",
            "Nothing to do unless it should run.",
        ),
        Explanation(
            "NoBudget",
            "no PodDisruptionBudget selects the pods of the target, or none has the name in `budget`",
            "Create one, or leave the target out of `protection.disruption`.",
        ),
        Explanation(
            "SeveralBudgets",
            "more than one PodDisruptionBudget selects the pods of the target",
            "Name one of them in `protection.disruption[].budget`.",
        ),
        Explanation(
            "BudgetUnset",
            "the PodDisruptionBudget sets neither minAvailable nor maxUnavailable",
            "Set one of the two.",
        ),
        Explanation(
            "Superseded",
            "of an object: an autoscaler has come to scale a workload whose replicas were held, and they were left to "
            "it. Of a run: another release began while it was open",
        ),
        Explanation(
            "Contested",
            "another writer, named in the message, keeps reverting the value; it is raised again after a pause of "
            "1 minute, doubling to 1 hour",
            "Stop the writer that is named from reverting the value.",
            "gitops.md#autoscalers-under-gitops",
        ),
        Explanation(
            "Refused",
            "the hold or the change was not accepted; `ScalingRaised` has the reason",
            "Do what the message says; it is tried again.",
        ),
        Explanation(
            "HoldRejected",
            "the API server refused the hold; the message says why (an admission policy or webhook)",
            "Correct what the message names; an author may only raise what the author could change.",
            "security.md",
        ),
        Explanation(
            "ChangeRejected",
            "the API server refused the change of the object; the message says why (an admission webhook, a bound)",
            "Correct the period, or what refuses the change.",
        ),
        Explanation("HoldsNotServed", "the cluster does not serve the kind HypercareHold", _DEFINITIONS),
        Explanation(
            "InvalidHold",
            "somebody edited the hold, and it cannot be used; its object is left alone",
            "See that the object has the values that it should have, and delete the hold.",
        ),
        Explanation(
            "HoldLost",
            "somebody deleted the hold, and the value is neither the original nor the one that was written",
            "Set the value that should stay to the original, which the message names.",
        ),
        Explanation("ObjectGone", "the object does not exist any more; it is looked for again"),
        Explanation("ObjectReplaced", "the object has just been created anew; the new one gets a hold of its own"),
        Explanation(
            "Restoring",
            "values are on their way back to their originals",
            "If it lasts, `kubectl get hch` lists every value that is still changed.",
        ),
        Explanation("Restored", "the object is back at its original"),
        Explanation(
            "RestoredWithDrift",
            "somebody else's newer value was left in place; the message and the report list it",
            "Look at whether the value is meant to be so.",
        ),
    ),
)
