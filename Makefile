# Start here: `make run` and `make test` work from a fresh clone. `make help` lists everything.
SHELL := /bin/bash
.DEFAULT_GOAL := help

JOBS ?= $(shell nproc)
BUILD := build
DRST := $(BUILD)/bin/drst
# Test-only parts in other languages are fetched once into this folder.
export DRST_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/drst
# Real tables: the folder that DRST_DATA names, else the one beside the project where there is one.
override DRST_DATA := $(abspath $(or $(DRST_DATA),$(patsubst %/.,%,$(wildcard ../shared/data/.))))
ifneq ($(DRST_DATA),)
export DRST_DATA
endif

.PHONY: help packages build run test test-fast test-long test-faults test-bare test-packaged asan tsan tidy format format-check shellcheck \
        bench process-figures kafka-figures collect-figures store-figures fuzz install packaged figures drift-figures choose clean test-python test-services services

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

packages: ## install what is missing from apt.txt (root or sudo)
	@tools/install-packages.sh

build: packages ## configure and build build/bin/drst and its tests
	@tools/build.sh release $(BUILD)

run: packages ## run the closed loop on real tables (DRST_DATA, datasets/, or fetched), else on a simulated chain
	@tools/build.sh release $(BUILD) drst
	@tools/run.sh $(DRST)

test: build test-python test-services asan format-check shellcheck ## all tests, the unit tests again under ASan+UBSan, format, shellcheck
	cd $(BUILD) && DRST_PYTHON=$(DRST_CACHE)/venv/bin/python ctest --output-on-failure -j $(JOBS)

test-fast: packages ## unit tests only (under two minutes)
	@tools/build.sh release $(BUILD)
	cd $(BUILD) && ctest --output-on-failure -j $(JOBS) -L fast

test-python: packages ## what some tests use, fetched once: a Python environment (numpy, onnxruntime), Kafka's jars
	@tools/python-environment.sh
	@/usr/bin/python3 tests/services.py fetch

test-services: test-python ## the S3 servers that some tests start (S3Proxy, versitygw), fetched once
	@/usr/bin/python3 tests/services_s3.py fetch >/dev/null

services: packages ## a real S3 service on loopback until Ctrl-C, its objects in build/services
	@tools/services.sh

asan: packages ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/build.sh asan build/asan unit-tests
	cd build/asan && ctest --output-on-failure -j $(JOBS) -L unit

tsan: packages ## unit and thread tests under ThreadSanitizer
	@tools/build.sh tsan build/tsan unit-tests
	cd build/tsan && ctest --output-on-failure -j $(JOBS) -L unit

test-packaged: packages ## unit tests of the packaged build, its hot loops in every version that this processor runs
	@tools/build.sh packaged-tests build/packaged-tests drst
	@tools/build.sh packaged-tests build/packaged-tests unit-tests
	cd build/packaged-tests && ctest --output-on-failure -j $(JOBS) -L unit

tidy: packages ## clang-tidy over everything: rooms, tests, benches, fuzzers
	@cmake --preset release -B $(BUILD) >/dev/null
	@cmake --preset fuzz -B build/fuzz >/dev/null
	@tools/tidy.sh $(BUILD) build/fuzz

test-long: test test-packaged tsan tidy ## the packaged build, TSan, clang-tidy, 10 000 fault simulations, kill -9 rounds, fuzzing
	DRST_SIMULATIONS=10000 $(BUILD)/bin/fault_simulation_test
	/usr/bin/python3 tests/kill_rounds.py --drst $(DRST) --rounds 200
	$(MAKE) fuzz SECONDS_EACH=120

test-faults: build test-python test-services ## 300 kills on real Kafka and S3, and outages of a minute
	DRST_PYTHON=$(DRST_CACHE)/venv/bin/python /usr/bin/python3 tests/kill_rounds.py --drst $(DRST) --servers --rounds 300
	DRST=$(DRST) DRST_PYTHON=$(DRST_CACHE)/venv/bin/python DRST_OUTAGE_S=60 /usr/bin/python3 tests/distributed_test.py

test-bare: ## prove a fresh clone on a bare Debian 12 root made by debootstrap (needs root)
	tools/test-bare.sh

format: ## clang-format everything
	@git ls-files '*.h' '*.cpp' | xargs clang-format -i

format-check: packages
	@git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror

shellcheck: packages
	@git ls-files '*.sh' .ci/run | xargs shellcheck

bench: packages ## all benchmarks, each beside a yardstick of the same run
	@tools/build.sh release $(BUILD) benches
	@tools/bench.sh $(BUILD)

process-figures: packages ## memory of a consumer process, and from its start to its first prediction; needs DRST_DATA
	@tools/build.sh release $(BUILD) drst
	@/usr/bin/python3 tests/infer_process.py

kafka-figures: packages ## Kafka beside kcat: appending, predicting, and one to three consumers; starts brokers; needs DRST_DATA
	@tools/build.sh release $(BUILD) inference_kafka_bench
	@tools/build.sh release $(BUILD) drst
	@/usr/bin/python3 tests/services.py run $(BUILD)/bin/inference_kafka_bench $(RECORDS)
	@DRST=$(DRST) /usr/bin/python3 tests/infer_scaling.py $(RECORDS)

collect-figures: packages ## what live collection costs, beside perf stat on the same processes
	@tools/build.sh release $(BUILD) drst
	@DRST=$(DRST) /usr/bin/python3 tests/collect_figures.py $(SECONDS)

store-figures: packages test-services ## predicting while S3 answers, answers 2 s late, and does not answer; needs DRST_DATA
	@tools/build.sh release $(BUILD) drst
	@DRST=$(DRST) /usr/bin/python3 tests/infer_store_away.py $(ROUNDS)

figures: packages ## the table of docs/figures.md, "Label budgets": each family, five budgets, SEEDS (5) seeds; needs DRST_DATA
	@tools/build.sh release $(BUILD) pipeline_budgets_bench
	@$(BUILD)/bin/pipeline_budgets_bench --seeds $(or $(SEEDS),5) --last-label --family auto --family mixture \
	  --family extra_trees --family gbt --family mlp --family ridge

choose: packages ## choose the settings of adaptation on every table but dag-1's: config/chosen.toml; needs DRST_DATA
	@tools/choose-settings.sh $(BUILD)

drift-figures: packages ## the tables of docs/figures.md, "Drift": real tables, budgets, detectors compared (an hour on one core)
	@for bench in drift_real_bench drift_budget_bench drift_compare_bench; do tools/build.sh release $(BUILD) $$bench || exit 1; done
	$(BUILD)/bin/drift_real_bench
	$(BUILD)/bin/drift_budget_bench --baselines 200
	$(BUILD)/bin/drift_compare_bench | tee $(BUILD)/drift-curves.txt
	@tools/plot-drift-curves.sh $(BUILD)/drift-curves.txt docs/drift-curves.png && echo docs/drift-curves.png

fuzz: packages ## run every fuzzer for SECONDS_EACH (60) seconds
	@tools/build.sh fuzz build/fuzz
	@tools/fuzz.sh build/fuzz $(or $(SECONDS_EACH),60)

packaged: packages ## a build for any x86-64-v2 machine: build/packaged/bin/drst
	@tools/build.sh packaged build/packaged

PREFIX ?= /usr/local
install: packages ## install the packaged build under PREFIX (/usr/local)
	@tools/build.sh packaged build/packaged
	cmake --install build/packaged --prefix $(PREFIX)

clean: ## remove build/
	rm -rf build
