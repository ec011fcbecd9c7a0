"""`python -m benchmarks`: runs every benchmark and prints what its number means for a cluster."""

import sys
from collections.abc import Callable

from benchmarks.folding import fold_points
from benchmarks.holding import hold_objects
from benchmarks.measure import Finding
from benchmarks.planning import plan_overlay
from benchmarks.proving import prove_overlay
from benchmarks.reading import read_evidence
from benchmarks.serving import serve_periods

BENCHMARKS: tuple[Callable[[], tuple[Finding, ...]], ...] = (
    fold_points,
    read_evidence,
    plan_overlay,
    prove_overlay,
    hold_objects,
    serve_periods,
)


def main() -> int:
    """Print one line per finding."""
    for benchmark in BENCHMARKS:
        print(benchmark.__doc__)
        for finding in benchmark():
            print(f"  {finding.value:>12.4g} {finding.unit:<28} {finding.meaning}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
