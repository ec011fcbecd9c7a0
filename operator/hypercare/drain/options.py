"""The flags and the help of `hypercare-operator drain`; imports nothing that only draining needs."""

from argparse import ArgumentParser, ArgumentTypeError

from hypercare.domain.durations import InvalidDuration, parse_duration

OWN_NAMESPACE = "hypercare-system"
"""Where manifests/install puts the operator."""
DESCRIPTION = """\
Puts back everything that hypercare has changed, and removes what it has made, before it is uninstalled.

A running operator stands still meanwhile, and for an hour after, so that it does not start over. None needs to run.
Stopping or killing this is safe at any moment; run it again to go on.
"""
EXAMPLES = f"""\
It writes holds, which the admission policy allows to the operator's own account alone. So run it as that account:
  kubectl -n {OWN_NAMESPACE} exec deploy/hypercare-operator -- hypercare-operator drain
  kubectl apply -f manifests/uninstall/drain.yaml      where no operator runs any more

then:
  kubectl get hypercareholds -A                        empty when everything is restored
  kubectl -n {OWN_NAMESPACE} delete configmap hypercare-drain
                                                       lets an operator that was told to stand still go on

exit codes: 0 everything is restored, or kept for another writer; 1 something is left; 2 wrong use, or it could not run
"""
_ACCESS = {
    "kubeconfig": ("FILE", "kubeconfig file; default: the pod's service account, else your kubeconfig"),
    "context": ("NAME", "context of the kubeconfig; default: its current one"),
    "namespace": ("NAME", "drain this namespace only; repeat for several; default: all"),
    "own-namespace": ("NAME", f"the operator's namespace, where it is told to stand still (default {OWN_NAMESPACE})"),
    "api-timeout": ("SECONDS", "limit for each request to the API server (default 10)"),
}


def add_drain_options(parser: ArgumentParser) -> None:
    """Declare the flags of `drain`: those that the operator has too, read like its own, and two durations."""
    for name, (placeholder, text) in _ACCESS.items():
        variable = f"HYPERCARE_{name.upper().replace('-', '_')}"
        parser.add_argument(f"--{name}", metavar=placeholder, action="append", help=f"{text} [{variable}]")
    parser.add_argument(
        "--timeout",
        metavar="DURATION",
        type=_duration,
        default=300,
        help="after this long, what is not restored is left and listed (default 5m)",
    )
    parser.add_argument(
        "--still-for",
        metavar="DURATION",
        type=_duration,
        default=3600,
        help="how long a running operator stands still after that (default 1h)",
    )
    parser.add_argument("--output", choices=("text", "json"), default="text", help="form of the summary (default text)")


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except InvalidDuration as error:
        raise ArgumentTypeError(str(error)) from None
