"""What `init` finds in a namespace, and the file that it writes when somebody wants all of it."""

from typing import Any

from hypercare.cli.init.survey import Capacity, Metrics, Offer, Rules, Survey, Workload

CHECKOUT = Workload("Deployment", "checkout", "2.4.0", 2)
OFFERED = Capacity(
    scaling=(
        Offer(
            "checkout",
            {"floor": "150%"},
            "HorizontalPodAutoscaler checkout: at least 2, at most 6, runs 2 today; floor 150% would keep 3",
        ),
    ),
    disruption=(Offer("checkout", {"maxUnavailable": 1}, "PodDisruptionBudget checkout: maxUnavailable 50% -> 25%"),),
)
RULES = Rules("checkout-alerts", ("critical", "warning", "warning", ""))
NOTHING = Metrics(asked="http://p:9090")


def survey(**change: Any) -> Survey:
    """What a namespace with one workload has, but for these changes."""
    usual: dict[str, Any] = {
        "namespace": "shop",
        "name": "checkout",
        "profile": "web",
        "profile_there": True,
        "workloads": (CHECKOUT,),
        "left_out": (),
        "capacity": OFFERED,
        "rules": (RULES,),
        "metrics": NOTHING,
        "date": "2026-11-21",
    }
    return Survey(**{**usual, **change})


def without_comment_signs(text: str) -> str:
    """The file as it is when somebody wants what stands as a comment, done as the comments say."""
    lines, offered = [], False
    for line in text.splitlines():
        wanted = "# - {" in line or (offered and line)
        lines.append(line.replace("# ", "", 1) if wanted else line)
        offered = bool(line) and (offered or "to the empty line:" in line)
    return "\n".join(lines)
