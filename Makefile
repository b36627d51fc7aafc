# Everything a newcomer needs; each target does its own set-up. Needs make, git and Python 3.11 to 3.13 with venv.
.PHONY: demo test check legacy train-env clean
ARGS ?=
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
PIP = -q --disable-pip-version-check

demo: .venv/ready
	@.venv/bin/livegate demo $(ARGS)

test: .venv/ready
	@.venv/bin/python -m pytest $(ARGS)

check: .venv/ready
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

.venv/ready: pyproject.toml tools/locks/current.txt
	@test -n "$(PYTHON)" || { echo "livegate needs Python 3.11, 3.12 or 3.13; none was found" >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version): downloads about 200 MB the first time"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install $(PIP) --require-hashes -r tools/locks/current.txt
	@.venv/bin/python -m pip install $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# The older board: numpy 1, OpenCV 4 and tflite-runtime, which exists only for Python 3.11.
legacy: .venv-legacy/ready
	@.venv-legacy/bin/python -m pytest tests/unit $(ARGS)

.venv-legacy/ready: pyproject.toml tools/locks/legacy.txt
	@echo "Setting up .venv-legacy: numpy 1.26, OpenCV 4.11, tflite-runtime 2.14"
	@python3.11 -m venv .venv-legacy
	@.venv-legacy/bin/python -m pip install $(PIP) --require-hashes -r tools/locks/legacy.txt
	@.venv-legacy/bin/python -m pip install $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# PyTorch is in no lock: the build to take differs by machine. This is the one the training was run with.
train-env: .venv/ready
	@.venv/bin/python -m pip install $(PIP) torch==2.13.0 "scikit-learn>=1.5" "onnx>=1.17"

clean:
	rm -rf .venv .venv-legacy .mypy_cache .pytest_cache .ruff_cache .hypothesis
