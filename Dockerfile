# The operator's image: locked dependencies with hashes, no build tools, no root, no writes to its own file system.
# Base images are named by tag. Pin them by digest where you build: --build-arg BASE=python:3.13-slim@sha256:…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# First what changes rarely, so that a change of the code alone reuses the layers.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /build \
 && /build/bin/pip install --require-hashes --requirement requirements-build.lock \
 && python -m venv --without-pip /opt/hypercare \
 && /build/bin/pip --python /opt/hypercare/bin/python install --require-hashes --requirement requirements.lock

# The source is compiled here: the running container cannot write bytecode.
COPY pyproject.toml README.md LICENSE ./
COPY operator operator
COPY crds crds
COPY manifests/install/rbac.yaml manifests/install/authors-policy.yaml manifests/install/
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /build/bin/pip --python /opt/hypercare/bin/python install --no-deps --no-index /wheels/*.whl \
 && /opt/hypercare/bin/python -m compileall -q /opt/hypercare/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="hypercare-operator" \
      org.opencontainers.image.description="Protects a release for a bounded window and relaxes on evidence" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/hypercare /opt/hypercare
ENV PATH=/opt/hypercare/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
# Numeric, so that runAsNonRoot can be checked without reading /etc/passwd; no such user exists and none is needed.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["hypercare-operator"]
CMD ["run"]
