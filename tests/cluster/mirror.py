"""The process that stands in for kubelet and config-reloader: rule ConfigMaps become files that Prometheus loads.

prometheus-operator writes the rules of a `Prometheus` object into ConfigMaps; in a real cluster the kubelet projects
them into the pod and a sidecar asks Prometheus to reload. Here this loop watches them and does both. Standard library
only and no client objects kept, so it stays small.
"""

import argparse
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RETRY_SECONDS = 0.3
# A watch is given up and renewed after this long without an event; the server ends it earlier by itself.
WATCH_TIMEOUT_SECONDS = 600
UNREACHABLE = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Source:
    """The ConfigMaps of one `Prometheus` object, read through `kubectl proxy`."""

    api: str
    namespace: str
    prometheus_name: str

    def open(self, **parameters: str) -> Any:
        """A list, or with `watch` a stream of events, one JSON document a line."""
        selector = f"prometheus-name={self.prometheus_name}"
        query = urllib.parse.urlencode({"labelSelector": selector, **parameters})
        url = f"{self.api}/api/v1/namespaces/{self.namespace}/configmaps?{query}"
        return urllib.request.urlopen(url, timeout=WATCH_TIMEOUT_SECONDS)

    def changes(self) -> Iterator[dict[str, dict[str, str]]]:
        """All rule files by ConfigMap name: now, and again after each change; ends when the watch does."""
        with self.open() as answer:
            listed = json.load(answer)
        files = {item["metadata"]["name"]: _rules(item) for item in listed["items"] if _holds_rules(item)}
        yield files
        with self.open(watch="1", resourceVersion=listed["metadata"]["resourceVersion"]) as stream:
            for line in stream:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if _holds_rules(event["object"]):
                    files.pop(event["object"]["metadata"]["name"], None)
                    if event["type"] != "DELETED":
                        files[event["object"]["metadata"]["name"]] = _rules(event["object"])
                    yield files


def _holds_rules(config_map: dict[str, Any]) -> bool:
    return "-rulefiles-" in config_map["metadata"]["name"]


def _rules(config_map: dict[str, Any]) -> dict[str, str]:
    return dict(config_map.get("data") or {})


def project(files: dict[str, dict[str, str]], folder: Path) -> bool:
    """Make `folder` hold exactly these files, each replaced as a whole; whether anything changed.

    A file is named after its ConfigMap too: Prometheus knows a group by its file, and in a cluster a rule that moves to
    another ConfigMap loses its alert state.
    """
    wanted = {f"{name}.{file}": text for name, contents in files.items() for file, text in contents.items()}
    changed = False
    for gone in [found for found in folder.iterdir() if found.name not in wanted]:
        gone.unlink()
        changed = True
    for file, text in wanted.items():
        target = folder / file
        if not target.exists() or target.read_text() != text:
            part = target.with_suffix(".part")
            part.write_text(text)
            part.replace(target)
            changed = True
    return changed


def reload(prometheus: str) -> None:
    """Ask Prometheus to load its rules again, until it answers; rules that it refuses are printed."""
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{prometheus}/-/reload", method="POST"), timeout=30):
                return
        except urllib.error.HTTPError as error:
            print(f"Prometheus refused its rules: {error.read().decode(errors='replace')}", flush=True)
            return
        except UNREACHABLE as error:
            print(f"Prometheus cannot be asked to reload: {error}", flush=True)
            time.sleep(RETRY_SECONDS)


def main() -> None:
    """Mirror until killed."""
    parser = argparse.ArgumentParser(description="Mirror rule ConfigMaps into a folder that Prometheus loads.")
    for name in ("api", "namespace", "prometheus-name", "prometheus"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    arguments = parser.parse_args()
    source = Source(arguments.api, arguments.namespace, arguments.prometheus_name)
    while True:
        try:
            for files in source.changes():
                if project(files, arguments.folder):
                    reload(arguments.prometheus)
        except UNREACHABLE as error:
            print(f"The API server cannot be watched: {error}", flush=True)
        time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    main()
