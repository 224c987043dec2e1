# `make` lists what there is.
# A machine may have python3.12 and no python3; an old python3 finds a newer one by itself.
PYTHON = $(or $(shell command -v python3),$(shell command -v python3.13),$(shell command -v python3.12),$(shell command -v python3.11))
LAUNCH = @test -n "$(PYTHON)" || { echo "Goldfold needs Python 3.11 or newer; there is none on the PATH."; exit 1; }; exec "$(PYTHON)" -m config.launch
export PORT HOST SCORING_PORT

.DEFAULT_GOAL := help
.PHONY: help run stop test lint bench install

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Install what is missing and run everything; PORT=8001 for another port, Ctrl-C to stop
	$(LAUNCH) run

stop: ## Stop what `make run` runs in another terminal
	$(LAUNCH) stop

test: ## Install what is missing, then lint, check types and layers, and run all tests; ARGS="-k word" for some
	$(LAUNCH) test $(ARGS)

lint: ## Lint, check types and layers
	$(LAUNCH) lint

bench: ## Run a benchmark: make bench NAME=cohort ARGS=--quick
	$(LAUNCH) bench $(NAME) $(ARGS)

install: ## Make or bring up to date the virtual environment, with everything
	$(LAUNCH) install
