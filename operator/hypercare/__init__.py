"""The Hypercare operator: watches `HypercarePeriod` objects and protects releases for a bounded window."""

__version__ = "0.1.0"
