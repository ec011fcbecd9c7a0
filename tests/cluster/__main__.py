"""`python -m tests.cluster up|down|status|env|build`: a control plane on this machine, for demo and experiments."""

import argparse
import shlex
import sys
import time
from pathlib import Path

from tests.cluster.cluster import Cluster, ClusterError, load, running, start, stop
from tests.cluster.layout import Options
from tests.cluster.programs import BUILDS, BuildFailed, find_programs

PROJECT = Path(__file__).parents[2]


def main() -> int:
    """Run one command; the exit code is 1 when it failed or, for `status`, when something is not running."""
    arguments = _parser().parse_args()
    try:
        code: int = arguments.command(arguments)
    except (ClusterError, BuildFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    default = PROJECT / ".cluster"
    common.add_argument("--dir", type=Path, default=default, help="the cluster's folder (default: .cluster)")
    up = commands.add_parser("up", parents=[common], help="start a cluster; one that is running stays as it is")
    up.add_argument("--scrape-interval", default=Options.scrape_interval, help="of the shop (default: %(default)s)")
    up.add_argument(
        "--evaluation-interval", default=Options.evaluation_interval, help="of rule groups (default: %(default)s)"
    )
    up.set_defaults(command=_up)
    for name, command, text in (
        ("down", _down, "stop the cluster; its folder with the logs stays"),
        ("status", _status, "list processes and endpoints"),
        ("env", _env, "print shell commands that make kubectl use the cluster"),
    ):
        commands.add_parser(name, parents=[common], help=text).set_defaults(command=command)
    build = commands.add_parser("build", help="build the programs, if that was not done before")
    build.set_defaults(command=_build)
    return parser


def _build(_arguments: argparse.Namespace) -> int:
    for build in BUILDS:
        find_programs(build)
    return 0


def _up(arguments: argparse.Namespace) -> int:
    cluster = _running_cluster(arguments.dir)
    if cluster:
        print(f"Already running in {cluster.directory}")
    else:
        options = Options(arguments.scrape_interval, arguments.evaluation_interval, crds=(PROJECT / "crds",))
        began = time.monotonic()
        cluster = start(arguments.dir, options)
        print(f"Ready after {time.monotonic() - began:.1f} s in {cluster.directory}")
    print(_endpoints(cluster))
    return 0


def _down(arguments: argparse.Namespace) -> int:
    cluster = load(arguments.dir)
    stop(cluster)
    print(f"Stopped; logs are in {cluster.logs}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    cluster = load(arguments.dir)
    found = running(cluster)
    for process in found:
        state = f"{process.resident_bytes >> 20:5d} MiB" if process.alive else "not running"
        print(f"{process.program.name:<24} {process.pid:>8}  {state:>11}  {process.log}")
    print(_endpoints(cluster))
    return 0 if found and all(process.alive for process in found) else 1


def _env(arguments: argparse.Namespace) -> int:
    cluster = load(arguments.dir)
    for name, value in cluster.environment.items():
        print(f"export {name}={shlex.quote(value)}")
    # The plugin `kubectl hypercare` is beside the interpreter.
    folders = (cluster.kubectl_path.parent, Path(sys.executable).parent)
    print(f'export PATH={":".join(shlex.quote(str(each)) for each in folders)}:"$PATH"')
    return 0


def _running_cluster(directory: Path) -> Cluster | None:
    try:
        cluster = load(directory)
    except ClusterError:
        return None
    return cluster if any(process.alive for process in running(cluster)) else None


def _endpoints(cluster: Cluster) -> str:
    return "\n".join(
        (
            f"API server  {cluster.api_url}",
            f"Prometheus  {cluster.prometheus_url}",
            f"shop        {cluster.shop_url}/metrics",
            f"kubeconfig  {cluster.kubeconfig}",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
