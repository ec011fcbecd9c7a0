"""End-to-end tests: whole lives of periods, with the operator as a process under the account it is installed with.

Everything is asserted from outside: by kubectl, the API server's watches, the API of Prometheus, the objects.
"""
