# SPDX-License-Identifier: Apache-2.0
# The front door. `make demo` and `make test` need nothing but this checkout on Debian 12.
.PHONY: all build demo test test-all bench bench-train ablation setup check format install clean

all: build

setup:
	@scripts/setup

build: setup
	@cmake --preset release >/dev/null
	@cmake --build build

# A synthetic patient, the small model of models/, and a page: demo/index.html.
demo: build
	@scripts/demo

test: setup
	@scripts/test

test-all: setup
	@scripts/test --all

# Speed of every stage beside the machine's limits, on random weights of full size (docs/bench.md); then of every kernel as a ratio to
# the reference, of weight reading to plain memory reading, and of products with block-quantised weights to oneDNN's.
bench: build
	@build/healthgpt bench
	@build/tests/kernels/check_kernels --bench
	@build/tests/kernels/check_kernels --bench-rounded

# What H-LoRA costs in training beside LoRA and MoELoRA, and the parts of a step (docs/training.md).
bench-train: build
	@build/bench/bench_train

# The paper's comparisons on the small model, hours (docs/ablation.md); needs the folder that scripts/train-small.sh leaves.
ablation: build
	@scripts/ablation.sh

check: setup
	@tools/check/all

format:
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format-14 -i

install: build
	@cmake --install build

clean:
	rm -rf build build-*
