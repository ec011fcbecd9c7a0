"""A real control plane on loopback: `python -m tests.cluster up`.

Kubernetes (etcd, API server, controller manager, scheduler), kwok in place of kubelets, prometheus-operator, a real
Prometheus and a small service with real metrics. No containers run: kwok only says that pods are ready. Everything is
started as a process of this machine, recorded by pid in one folder, and stopped by those pids.
"""
