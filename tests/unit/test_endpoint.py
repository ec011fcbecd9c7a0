"""The endpoint of a profile: every field, and what would put credentials where everybody can read them."""

from dataclasses import replace
from typing import Any

import pytest

from hypercare.domain.endpoint import Endpoint, parse_endpoint, parse_replicas
from hypercare.domain.fields import Field, InvalidField
from tests.adapters.certificates import Authority

PEM = Authority("the authority of these tests").certificate
URL = "https://prometheus:9090"


def parse(**fields: Any) -> Endpoint:
    return parse_endpoint(Field("spec.prometheus", {"url": URL} | fields))


def test_an_address_is_enough() -> None:
    assert parse() == Endpoint(URL, 10, (), "", "")


def test_every_field() -> None:
    found = parse(
        url=f"{URL}/select/0/prometheus/",
        timeout="5m",
        headers={"X-Scope-OrgID": "shop|billing", "THANOS-Tenant": "shop"},
        secretRef={"name": "prom-auth"},
        caBundle=PEM,
    )
    headers = (("THANOS-Tenant", "shop"), ("X-Scope-OrgID", "shop|billing"))
    assert found == Endpoint(f"{URL}/select/0/prometheus", 300, headers, PEM, "prom-auth")


def test_the_order_of_headers_makes_no_other_endpoint() -> None:
    assert parse(headers={"A": "1", "B": "2"}) == parse(headers={"B": "2", "A": "1"})


def test_headers_and_authorities_are_not_shown() -> None:
    assert "hidden" not in repr(Endpoint(URL, headers=(("X-Api-Key", "hidden"),), ca_bundle="hidden"))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("url", "prometheus:9090", "must be an http or https URL"),
        ("url", "file:///etc/passwd", "must be an http or https URL"),
        ("url", "http://", "must be an http or https URL"),
        ("url", "HTTPS://prometheus:9090", "must be an http or https URL"),
        ("url", "http://prometheus:99999", "must be an http or https URL"),
        ("url", "http://[::1", "must be an http or https URL"),
        ("url", "http://admin:secret@prometheus", "put them into a Secret"),
        ("url", "http://admin@prometheus", "put them into a Secret"),
        ("url", "http://prometheus/?dedup=false", "must have no query"),
        ("url", "http://prometheus/#graph", "no fragment"),
        ("timeout", "0s", "longer than zero and at most 5m"),
        ("timeout", "6m", "longer than zero and at most 5m"),
        ("headers", {"X Scope": "a"}, "is not the name of a header"),
        ("headers", {"": "a"}, "is not the name of a header"),
        ("headers", {"X-A\r\nX-B": "a"}, "is not the name of a header"),
        ("headers", {"X-Scope-OrgID": "a", "x-scope-orgid": "b"}, "must be unique"),
        ("headers.authorization", "Bearer abc", "credentials come from secretRef"),
        ("headers.Cookie", "session=abc", "credentials come from secretRef"),
        ("headers.Proxy-Authorization", "Basic abc", "credentials come from secretRef"),
        ("headers.HOST", "elsewhere", "cannot be set here"),
        ("headers.Content-Length", "0", "cannot be set here"),
        ("headers.Transfer-Encoding", "chunked", "cannot be set here"),
        ("headers.X-Scope-OrgID", "shop\r\nAuthorization: Bearer abc", "printable ASCII"),
        ("headers.X-Scope-OrgID", " shop", "without spaces at its ends"),
        ("headers.X-Scope-OrgID", "", "printable ASCII"),
        ("headers.X-Scope-OrgID", 1, "must be a string"),
        ("secretRef.name", 1, "must be a string"),
        ("caBundle", "", "does not hold PEM certificates: it is empty"),
        ("caBundle", "/etc/ssl/ca.crt", "does not hold PEM certificates: it cannot be parsed"),
        ("caBundle", PEM.replace("\n", "", 2), "does not hold PEM certificates"),
        ("caBundle", f"{PEM}{PEM[:200]}", "does not hold PEM certificates"),
        ("caBundle", "Zertifikat für alle", "it is not ASCII"),
        ("caBundle", f"{PEM}-----BEGIN PRIVATE KEY-----\n", "holds a private key"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path(field: str, value: object, says: str) -> None:
    name, _, key = field.partition(".")
    with pytest.raises(InvalidField, match=says) as refusal:
        parse(**{name: {key: value} if key else value})
    assert refusal.value.path == f"spec.prometheus.{field}"


def test_an_authority_has_no_effect_without_tls() -> None:
    with pytest.raises(InvalidField, match="use https") as refusal:
        parse(url="http://prometheus:9090", caBundle=PEM)
    assert refusal.value.path == "spec.prometheus.caBundle"


def test_a_reference_names_a_secret() -> None:
    with pytest.raises(InvalidField, match="is required") as refusal:
        parse(secretRef={})
    assert refusal.value.path == "spec.prometheus.secretRef.name"


def test_replicas_are_reached_like_the_endpoint() -> None:
    endpoint = parse(headers={"X-Scope-OrgID": "shop"}, timeout="5s")
    urls = ["http://prometheus-0:9090/", "http://prometheus-1:9090"]

    found = parse_replicas(Field("spec.prometheus.replicas", urls), endpoint)

    assert found == (
        replace(endpoint, url="http://prometheus-0:9090"),
        replace(endpoint, url="http://prometheus-1:9090"),
    )


@pytest.mark.parametrize(
    ("urls", "path", "says"),
    [
        (["prometheus:9090"], "spec.prometheus.replicas[0]", "must be an http or https URL"),
        (["http://a:9090", "http://a:9090/"], "spec.prometheus.replicas", "names a server twice"),
    ],
)
def test_a_replica_that_cannot_be_used_is_refused(urls: list[str], path: str, says: str) -> None:
    with pytest.raises(InvalidField, match=says) as refusal:
        parse_replicas(Field("spec.prometheus.replicas", urls), parse())
    assert refusal.value.path == path
