"""Processes that outlive their starter: started detached, recorded, recognised again, stopped.

A pid alone proves nothing, as pids are reused. A record therefore holds the start time that the kernel reports, and a
process counts as ours only while both agree. Nothing here looks for processes by name.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

GRACE_SECONDS = 3.0
TAIL_BYTES = 4000


@dataclass(frozen=True)
class Program:
    """How to start one process: its name in the records, its command line, additions to the environment."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """One process that was started. `started` is the kernel's start time, in whatever form the platform gives it."""

    program: Program
    pid: int
    started: str
    log: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return bool(self.started) and _start_time(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is still this process that has the pid."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def resident_bytes(self) -> int:
        """Resident memory; 0 when the process is gone or the platform has no /proc."""
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        return 0

    @property
    def last_words(self) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return Path(self.log).read_bytes()[-TAIL_BYTES:].decode(errors="replace")
        return ""


def spawn(program: Program, logs: Path, record: Callable[[Started], None]) -> None:
    """Start a process in a session of its own, so that a Ctrl-C meant for its starter does not reach it.

    It begins only after `record` has returned: a starter that dies before leaves nothing that nobody knows of.
    """
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{program.name}.log"
    with log.open("ab") as output:
        # The shell waits for a line, and ends without one when its starter is gone; exec keeps its pid and start time.
        process = subprocess.Popen(
            ["sh", "-c", 'read -r go && exec "$@" </dev/null', program.name, *program.argv],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **program.environment},
            start_new_session=True,
        )
    record(recognised(program, process.pid, log))
    if process.stdin:
        with contextlib.suppress(BrokenPipeError), process.stdin as line:  # it may have been killed already
            line.write(b"go\n")
    process.returncode = 0  # it is stopped by its record, maybe by another process: no warning when this object goes


def recognised(program: Program, pid: int, log: Path) -> Started:
    """The record of a process that runs already."""
    return Started(program, pid, _start_time(pid), str(log))


def terminate(processes: Iterable[Started], grace: float = GRACE_SECONDS) -> None:
    """Ask all of them to end, wait up to `grace` seconds, kill what is left, and wait until none is left."""
    left = [process for process in processes if process.alive]
    for process in left:
        process.send(signal.SIGCONT)
        process.send(signal.SIGTERM)
    left = _outlive(left, grace)
    for process in left:
        process.send(signal.SIGKILL)
    if left := _outlive(left, GRACE_SECONDS):
        raise RuntimeError(f"could not stop {', '.join(f'{p.program.name} (pid {p.pid})' for p in left)}")


def save(processes: Iterable[Started], path: Path) -> None:
    """Write the records, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps([asdict(process) for process in processes], indent=1))
    part.replace(path)


def read(path: Path) -> tuple[Started, ...]:
    """The records; none if nothing was started."""
    try:
        entries = json.loads(path.read_text())
    except FileNotFoundError:
        return ()
    return tuple(Started(**{**entry, "program": Program(**entry["program"])}) for entry in entries)


def _outlive(processes: Sequence[Started], seconds: float) -> list[Started]:
    deadline = time.monotonic() + seconds
    left = [process for process in processes if process.alive]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if process.alive]
    return left


def _start_time(pid: int) -> str:
    """When the process started, empty if it is gone or a zombie."""
    if not Path("/proc/self/stat").exists():
        answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return answer.stdout.strip()
    try:
        # The second field, the command name, may hold spaces and parentheses; the fields after it do not.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, started = fields[0], fields[19]
    # The first thread can be a zombie while others still hold the files and ports.
    return "" if state in "ZX" and threads == 1 else started
