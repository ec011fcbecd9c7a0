"""Names of Kubernetes objects as values: which resource, which namespace, which name."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Resource:
    """A served resource, as `kubectl api-resources` lists it. `group` is empty for core/v1."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, order=True)
class ObjectRef:
    """One object by name, or a view of it such as its `scale`. `namespace` is empty for cluster-scoped resources."""

    resource: Resource
    namespace: str
    name: str
    subresource: str = ""

    def __str__(self) -> str:
        """`Kind namespace/name`, for messages."""
        return f"{self.resource.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"


GROUP = "hypercare.dev"
PERIODS = Resource(GROUP, "v1alpha1", "hypercareperiods", "HypercarePeriod")
PROFILES = Resource(GROUP, "v1alpha1", "hypercareprofiles", "HypercareProfile", namespaced=False)
HOLDS = Resource(GROUP, "v1alpha1", "hypercareholds", "HypercareHold")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFULSETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMONSETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
ROLLOUTS = Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout")
DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
PROMETHEUS_RULES = Resource("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule")
PROMETHEUSES = Resource("monitoring.coreos.com", "v1", "prometheuses", "Prometheus")
ALERTMANAGER_CONFIGS = Resource("monitoring.coreos.com", "v1alpha1", "alertmanagerconfigs", "AlertmanagerConfig")
THANOS_RULERS = Resource("monitoring.coreos.com", "v1", "thanosrulers", "ThanosRuler")
POLICIES = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicies",
    "ValidatingAdmissionPolicy",
    namespaced=False,
)
POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
EVENTS = Resource("", "v1", "events", "Event")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)

WORKLOADS = {resource.kind: resource for resource in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS)}
TARGETS = {**WORKLOADS, ROLLOUTS.kind: ROLLOUTS}
