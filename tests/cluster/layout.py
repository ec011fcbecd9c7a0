"""The files and command lines of one cluster: a pure description, nothing is started here.

Everything listens on 127.0.0.1. Ports come from below the ephemeral range, so that no outgoing connection takes one
between choosing it and listening on it.
"""

import base64
import json
import random
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.processes import Program
from tests.cluster.programs import Programs

PORTS = range(20000, 32000)
LISTENERS = ("etcd", "etcd-peer", "api", "proxy", "rules-operator", "prometheus", "shop", "kwok")
# user name -> groups, as the token file of the API server wants them. The controllers act under the accounts that a
# real cluster gives them, so that managedFields and RBAC look the same.
USERS: Mapping[str, str] = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "kwok": "system:masters",
}
RULES_NAMESPACE = "monitoring"
PROMETHEUS_OBJECT = "k8s"


@dataclass(frozen=True)
class Options:
    """What differs between clusters; intervals as Prometheus writes them.

    Attributes:
        scrape_interval: How often Prometheus scrapes the shop.
        evaluation_interval: Of rule groups that name none.
        lookback: Prometheus' `--query.lookback-delta`.
        services: The (namespace, name) pairs that the shop simulates from its start.
        crds: Folders of CRDs to install before the controllers start: the garbage collector looks for new kinds only
            every 30 s, and follows owner references of kinds that it knows.
        audited: Whether the API server logs what service accounts ask it for (`tests.cluster.audit` reads that).
    """

    scrape_interval: str = "1s"
    evaluation_interval: str = "1s"
    lookback: str = "5m"
    services: tuple[tuple[str, str], ...] = (("shop", "checkout"),)
    crds: tuple[Path, ...] = ()
    audited: bool = False


@dataclass(frozen=True)
class Layout:
    """Where one cluster keeps what, and on which ports it listens."""

    directory: Path
    programs: Programs
    ports: Mapping[str, int]
    tokens: Mapping[str, str]

    @property
    def api_url(self) -> str:
        """The API server, with TLS."""
        return f"https://127.0.0.1:{self.ports['api']}"

    @property
    def certificate_authority(self) -> Path:
        """What the API server wrote at its first start: its certificate and the authority that signed it."""
        return self.directory / "certificates" / "apiserver.crt"

    def url(self, listener: str) -> str:
        """The URL of a listener without TLS."""
        return f"http://127.0.0.1:{self.ports[listener]}"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of one of `USERS`; `kubeconfig` itself is the admin's."""
        name = "kubeconfig" if user == "admin" else f"kubeconfig-{user.rpartition(':')[2]}"
        return self.directory / name


def plan(directory: Path, programs: Programs) -> Layout:
    """Choose ports and tokens for a new cluster."""
    ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
    return Layout(directory, programs, ports, {user: secrets.token_hex(16) for user in USERS})


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as candidate:
            if candidate.connect_ex(("127.0.0.1", port)) != 0:
                found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports between {PORTS.start} and {PORTS.stop}")


def write_files(layout: Layout, options: Options) -> None:
    """Write the configuration of every process."""
    directory = layout.directory
    (directory / "rules").mkdir()
    (directory / "certificates").mkdir()
    write_private(directory / "service-accounts.key", signing_key())
    lines = [f'{layout.tokens[user]},{user},{user},"{groups}"' for user, groups in USERS.items()]
    write_private(directory / "tokens.csv", "\n".join(lines) + "\n")
    for user in USERS:
        access = kubeconfig(layout.api_url, layout.certificate_authority, user, layout.tokens[user])
        write_private(layout.kubeconfig(user), access)
    (directory / "prometheus.yml").write_text(yaml.safe_dump(_prometheus(layout, options)))
    (directory / "audit-policy.yaml").write_text(yaml.safe_dump(_AUDIT_POLICY))


def kubeconfig(url: str, authority: Path, user: str, token: str) -> str:
    """A kubeconfig of one cluster, user and context."""
    cluster = {"server": url, "certificate-authority": str(authority)}
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "hypercare",
        "clusters": [{"name": "hypercare", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "hypercare", "context": {"cluster": "hypercare", "user": user}}],
    }
    return yaml.safe_dump(body)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text)


def signing_key() -> str:
    """A new P-256 private key in PEM (RFC 5915). The public key is optional there, and Go computes it."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    number = (secrets.randbelow(order - 1) + 1).to_bytes(32, "big")
    curve = bytes.fromhex("a00a06082a8648ce3d030107")
    body = b"\x02\x01\x01" + b"\x04\x20" + number + curve
    encoded = base64.encodebytes(b"\x30" + bytes([len(body)]) + body).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{encoded}-----END EC PRIVATE KEY-----\n"


def _prometheus(layout: Layout, options: Options) -> dict[str, object]:
    interval = options.scrape_interval
    shop = {
        "job_name": "shop",
        "honor_labels": True,  # the series of the shop carry their own namespace
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "static_configs": [{"targets": [f"127.0.0.1:{layout.ports['shop']}"]}],
    }
    return {
        "global": {"evaluation_interval": options.evaluation_interval},
        "rule_files": [f"{layout.directory}/rules/*.yaml"],
        "scrape_configs": [shop],
    }


_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
    ],
}


def api_server(layout: Layout, options: Options) -> tuple[Program, ...]:
    """What must answer before anything else makes sense."""
    directory = layout.directory
    client, peer = layout.url("etcd"), layout.url("etcd-peer")
    etcd = {
        "name": "etcd",
        "data-dir": directory / "etcd",
        "unsafe-no-fsync": True,
        "log-level": "warn",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"etcd={peer}",
    }
    server = {
        "etcd-servers": client,
        "secure-port": layout.ports["api"],
        "cert-dir": directory / "certificates",
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",  # an Endpoints object refuses loopback addresses
        "service-cluster-ip-range": "10.0.0.0/24",
        "authorization-mode": "RBAC",
        "allow-privileged": True,
        "token-auth-file": directory / "tokens.csv",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": directory / "service-accounts.key",
        "service-account-signing-key-file": directory / "service-accounts.key",
        "disable-admission-plugins": "ServiceAccount",  # nothing mounts a token, and no pod shall wait for its account
        "profiling": False,
    }
    if options.audited:
        server |= {"audit-policy-file": directory / "audit-policy.yaml", "audit-log-path": directory / "logs" / "audit"}
    return (_program(layout, "etcd", etcd), _program(layout, "kube-apiserver", server))


def metrics(layout: Layout, options: Options) -> tuple[Program, ...]:
    """What needs no API server: Prometheus, and the service that it scrapes."""
    directory, ports = layout.directory, layout.ports
    prometheus = {
        "config.file": directory / "prometheus.yml",
        "storage.tsdb.path": directory / "prometheus",
        "storage.tsdb.retention.time": "1d",
        "web.listen-address": f"127.0.0.1:{ports['prometheus']}",
        "query.lookback-delta": options.lookback,
        "log.level": "warn",
    }
    services = [f"--service={namespace}/{name}" for namespace, name in options.services]
    shop = _python(layout, "shop", [f"--port={ports['shop']}", *services])
    return (_program(layout, "prometheus", prometheus, "--web.enable-lifecycle"), shop)


def nodes(layout: Layout) -> tuple[Program, ...]:
    """What makes pods run as soon as the API server answers."""
    scheduler = {"kubeconfig": layout.kubeconfig("system:kube-scheduler"), "leader-elect": False, "secure-port": 0}
    kwok = {
        "kubeconfig": layout.kubeconfig("kwok"),
        "config": layout.programs.stages,
        "manage-all-nodes": True,
        "node-lease-duration-seconds": 40,
        "server-address": f"127.0.0.1:{layout.ports['kwok']}",
    }
    proxy = {"port": layout.ports["proxy"], "kubeconfig": layout.kubeconfig("admin")}
    return (
        _program(layout, "kube-scheduler", scheduler),
        _program(layout, "kwok", kwok),
        _program(layout, "kubectl", proxy, "proxy"),
    )


def controllers(layout: Layout) -> tuple[Program, ...]:
    """What reads the list of CRDs at its start, and so comes after they are installed."""
    manager = {
        "kubeconfig": layout.kubeconfig("system:kube-controller-manager"),
        "leader-elect": False,
        "secure-port": 0,
        "service-account-private-key-file": layout.directory / "service-accounts.key",
        "root-ca-file": layout.certificate_authority,
        "use-service-account-credentials": True,
        "horizontal-pod-autoscaler-sync-period": "2s",
        # Each of 40 controllers fetches a token first; at the default 20 requests a second that takes 5 s.
        "kube-api-qps": 300,
        "kube-api-burst": 300,
    }
    operator = {
        "apiserver": layout.url("proxy"),
        "web.listen-address": f"127.0.0.1:{layout.ports['rules-operator']}",
    }
    mirror = {
        "api": layout.url("proxy"),
        "namespace": RULES_NAMESPACE,
        "prometheus-name": PROMETHEUS_OBJECT,
        "folder": layout.directory / "rules",
        "prometheus": layout.url("prometheus"),
    }
    return (
        _program(layout, "kube-controller-manager", manager),
        _program(layout, "prometheus-operator", operator),
        _python(layout, "mirror", _flags(mirror)),
    )


def _program(layout: Layout, name: str, flags: Mapping[str, object], *before: str) -> Program:
    home = layout.directory / "home"
    environment = {"HOME": str(home), "KUBECACHEDIR": str(home / "kube"), "KWOK_WORKDIR": str(home / "kwok")}
    return Program(name, [str(layout.programs[name]), *before, *_flags(flags)], environment)


def _python(layout: Layout, module: str, arguments: list[str]) -> Program:
    """A process of this package; it needs the standard library only."""
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-m", f"tests.cluster.{module}", *arguments]
    return Program(module, argv, {"PYTHONPATH": root, "PYTHONUNBUFFERED": "1"})


def _flags(flags: Mapping[str, object]) -> list[str]:
    return [f"--{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in flags.items()]


def describe(layout: Layout) -> str:
    """What `cluster.json` holds."""
    names = ("kubectl", "promtool", "helm")
    body = {
        "kubeconfig": str(layout.kubeconfig("admin")),
        "certificate_authority": str(layout.certificate_authority),
        "api_url": layout.api_url,
        "proxy_url": layout.url("proxy"),
        "prometheus_url": layout.url("prometheus"),
        "shop_url": layout.url("shop"),
        "token": layout.tokens["admin"],
        **{name: str(layout.programs[name]) for name in names},
    }
    return json.dumps(body, indent=1)
