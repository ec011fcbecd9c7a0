#!/usr/bin/env bash
# Releases a version under hypercare: one period for each release, protected before anything is rolled out.
#
# Usage: VERSION=2.5.0 ./release.sh
# Needs kubectl with the plugin `kubectl hypercare`, and the Deployment checkout in the current namespace. PROFILE names a
# HypercareProfile; the one named "default" otherwise.
set -euo pipefail

version=${VERSION:?set VERSION to the version to release, such as VERSION=2.5.0}
profile=${PROFILE:-default}
if [[ ! $version =~ ^[0-9a-z]([0-9a-z.-]*[0-9a-z])?$ ]]; then
  echo "$version is no version that can be part of a name: use small letters, digits, dots and dashes" >&2
  exit 2
fi
period="checkout-$version"

kubectl apply -f - <<YAML
apiVersion: hypercare.dev/v1alpha1
kind: HypercarePeriod
metadata:
  name: $period
spec:
  profile: $profile
  release: {version: "$version"}
  targets:
    - {kind: Deployment, name: checkout}
YAML

# The gate: nothing is rolled out before the alerts are seen to be tightened and the capacity to be ready.
kubectl hypercare wait "$period" --for protected --timeout 10m

kubectl set image deployment/checkout "checkout=registry.example.com/shop/checkout:$version"
kubectl rollout status deployment/checkout --timeout=10m

echo "Released. The window goes on by itself; to see it: kubectl hypercare status $period"
