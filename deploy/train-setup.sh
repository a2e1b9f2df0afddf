#!/bin/sh
# Makes .venv-train for `yinding train`: everything locked, and PyTorch, which nothing else needs.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv-train/bin/python ] || python3 -m venv .venv-train
.venv-train/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 onnx onnxscript
.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/requirements.txt
.venv-train/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
