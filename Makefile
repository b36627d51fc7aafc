# Everything a newcomer needs; each target does its own set-up. Needs make, git and Python 3.11 to 3.13 with venv.
.PHONY: demo test faults check legacy train-env clean
ARGS ?=
# Most tests wait for recordings, brokers and processes to end; three at a time keep two cores busy.
SPREAD ?= -n 3 --dist loadfile
export PYTHON

demo: .venv/warm
	@.venv/bin/livegate demo $(ARGS)

test: .venv/warm
	@.venv/bin/python -m pytest $(SPREAD) $(ARGS)

# Every fault as often as docs/faults.md says, and its table written anew. The better part of an hour.
faults: .venv/warm
	@mkdir -p .pytest_cache && rm -f .pytest_cache/faults.jsonl
	@LIVEGATE_FAULTS_MANY=1 LIVEGATE_FAULTS_REPORT=$(CURDIR)/.pytest_cache/faults.jsonl \
	  .venv/bin/python -m pytest tests/faults -rP $(ARGS)
	@.venv/bin/python tests/faults/table.py .pytest_cache/faults.jsonl docs/faults.md

check: .venv/ready
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

.venv/ready: pyproject.toml tools/locks/current.txt
	@tools/environment .venv current 3.13 3.12 3.11

# The older board: numpy 1, OpenCV 4 and tflite-runtime, which exists only for Python 3.11. Nobody trains on it.
legacy: .venv-legacy/warm
	@.venv-legacy/bin/python -m pytest tests/unit -m "not training" $(SPREAD) $(ARGS)

.venv-legacy/ready: pyproject.toml tools/locks/legacy.txt
	@tools/environment .venv-legacy legacy 3.11

# The kernels' machine code, made anew where their source has changed: whatever starts compiles what is missing, each time.
KERNELS = $(wildcard edge/livegate/kernels/*.py edge/livegate/machine_code/*.py)
.venv/warm .venv-legacy/warm: %/warm: %/ready $(KERNELS)
	@$*/bin/python -m livegate model warm >/dev/null || echo "livegate model warm: not everything could be kept"
	@touch $@

# PyTorch is in no lock: the build to take differs by machine. This is the one the training was run with.
train-env: .venv/ready
	@.venv/bin/python -m pip install -q --disable-pip-version-check torch==2.13.0 "scikit-learn>=1.5" "onnx>=1.17"

clean:
	rm -rf .venv .venv-legacy .mypy_cache .pytest_cache .ruff_cache .hypothesis
