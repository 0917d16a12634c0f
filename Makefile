# guodu: `make help` lists what can be made.
GO   ?= go
LINT  = $(GO) tool -modfile=.tools/go.mod golangci-lint

##@ Use
.PHONY: help run demo
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## The demo: hub and simulators on loopback, one journey, then the books
	$(GO) run ./cmd/demo --once

demo: run ## The same as run

##@ Work
.PHONY: setup test check fmt tidy bench kill-matrix
setup: ## Install what is missing (redis-server, gcc), as root on Debian or with brew
	@.ci/setup

test: setup ## All tests, race detector on, nothing skipped
	$(GO) test -race -count=1 -timeout 20m -parallel 8 ./...

check: setup ## gofmt, go vet, golangci-lint with the import walls
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(LINT) run ./...

kill-matrix: setup ## Kill hub and redis-server at every step, and print what became of the money
	$(GO) test -count=1 -timeout 10m -parallel 8 -run TestKillMatrix -v ./cmd/hub | grep -v '^=== '

bench: setup ## The hot paths, callback and tap, against a bare handler in the same run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./...

fmt: ## Format the Go code
	gofmt -w $$(git ls-files '*.go')

tidy: ## Tidy go.mod
	$(GO) mod tidy
