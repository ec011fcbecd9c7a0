"""Where the API server is and who is asking: one set of credentials, for the API client and for Kopf alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client, config

from hypercare.ports import Forbidden

# Both modules carry no annotations worth checking; what crosses this file's border is typed here.
_client: Any = client
_config: Any = config


@dataclass(frozen=True)
class Access:
    """Where the API server is and who is asking.

    An empty `kubeconfig` means the service account of the pod, or, outside a cluster, the user's default kubeconfig;
    an empty `context` the file's current one. `timeout` is in seconds, for each request as a whole.
    """

    kubeconfig: str = ""
    context: str = ""
    timeout: float = 10.0


@dataclass(frozen=True)
class Credentials:
    """What Kopf needs to log in to the same server as the same account."""

    server: str
    ca_path: str | None
    insecure: bool
    token: str | None
    certificate_path: str | None
    key_path: str | None
    proxy: str | None


async def configure(access: Access) -> Any:
    """Return a `kubernetes.aio` configuration for this access.

    Raises:
        Forbidden: there are no usable credentials; the message says where they were looked for.
    """
    configuration = _client.Configuration()
    # Like client-go without proxy variables: the API server is inside, and a proxy meant for the outside breaks it.
    configuration.client_session_kwargs = {"trust_env": False}
    try:
        if access.kubeconfig or access.context:
            await _from_file(access, configuration)
        else:
            await _from_surroundings(access, configuration)
    except (config.ConfigException, OSError, yaml.YAMLError) as error:
        source = access.kubeconfig or "the pod's service account or the default kubeconfig"
        raise Forbidden(f"Could not load credentials for the API server from {source}: {error}") from error
    return configuration


async def _from_file(access: Access, configuration: Any) -> None:
    _require(access.kubeconfig)
    await _config.load_kube_config(
        config_file=access.kubeconfig or None,
        context=access.context or None,
        client_configuration=configuration,
        persist_config=False,
    )


def _require(kubeconfig: str) -> None:
    if kubeconfig and not Path(kubeconfig).is_file():
        raise FileNotFoundError("there is no such file")


async def _from_surroundings(access: Access, configuration: Any) -> None:
    try:
        _config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        await _from_file(access, configuration)


async def credentials_of(configuration: Any) -> Credentials:
    """Return the credentials that a configuration holds now; a rotated token of a service account is read anew."""
    header: str | None = await configuration.get_api_key_with_prefix("BearerToken")
    return Credentials(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        token=header.split(" ", 1)[-1].strip() if header else None,
        certificate_path=configuration.cert_file,
        key_path=configuration.key_file,
        proxy=configuration.proxy,
    )
