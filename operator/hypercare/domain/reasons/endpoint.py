"""Reasons about the endpoint of the profile: Prometheus, or what answers like it, and the Secret for it."""

from hypercare.domain.reasons.explanation import Explanation, Subject

_CONNECTING = "operations.md#connecting-to-prometheus"
_LOOK = "Look at the endpoint of the profile: address, network policy, load (`kubectl hypercare doctor`)."

ENDPOINT = Subject(
    "Prometheus and its Secret",
    "While the endpoint does not answer, evidence stands still, nothing counts as met, and it goes on where it was.",
    (
        Explanation(
            "PrometheusUnreachable",
            "no connection. Over TLS the message says why",
            f"{_LOOK} Over TLS, put the authority that signed the endpoint's certificate into `caBundle`, use the name "
            "that the certificate has, or add the client certificate that the endpoint asks for.",
            _CONNECTING,
        ),
        Explanation("PrometheusTimeout", "no answer in time", _LOOK, _CONNECTING),
        Explanation(
            "PrometheusRefused",
            "a refusal, with its status: a wrong path (404), too many requests (429; a `Retry-After` is respected, up "
            "to 5 minutes), a redirect, which is never followed",
            f"Correct the address in the profile. {_LOOK}",
            _CONNECTING,
        ),
        Explanation(
            "PrometheusUnauthorized",
            "the endpoint answered 401 or 403",
            "Put valid credentials into the Secret, or name a Secret, or the tenant in `headers`.",
            _CONNECTING,
        ),
        Explanation("InvalidAnswer", "the answer is none of Prometheus' API", _LOOK, _CONNECTING),
        Explanation(
            "SecretNotFound",
            "the Secret that the profile names is not in the operator's own namespace",
            "Create the Secret in the operator's own namespace; the operator knows it by `--own-namespace`.",
            _CONNECTING,
        ),
        Explanation(
            "SecretInvalid",
            "a key of the Secret cannot be used; the message names it, never its value",
            "Correct the keys of the Secret.",
            _CONNECTING,
        ),
        Explanation(
            "SecretForbidden",
            "the operator may not read Secrets in its own namespace",
            "Apply the Role `hypercare-operator-secrets` of `manifests/install` in that namespace.",
            _CONNECTING,
        ),
        Explanation(
            "SecretUnreadable",
            "the API server did not answer when it was asked for the Secret",
            "Nothing to do: it is asked again.",
        ),
    ),
)
