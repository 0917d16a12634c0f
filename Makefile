# guodu: `make help` lists what can be made.
GO   ?= go
# Searches through millions of worlds in one goroutine: the race detector sees nothing there.
MODEL = TestNoHistory|TestEachShortcut|TestLongHistories
LINT  = $(GO) tool -modfile=.tools/go.mod golangci-lint

##@ Use
.PHONY: help run demo mockpay
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## The demo's page: a phone, a POS and buttons that misbehave. Installs redis-server if it is missing
	@.ci/setup run || echo "going on in memory"
	$(GO) build -o bin/demo ./cmd/demo
	@exec bin/demo $(ARGS)

demo: ## One journey told step by step, then the account
	$(GO) run ./cmd/demo --once

mockpay: ## WeChat Pay and Alipay for the tests of a shop of yours, in any language. ARGS=--calm: nothing goes wrong by itself
	@$(GO) build -o bin/mockpay ./cmd/mockpay
	@exec bin/mockpay $(ARGS)

##@ Work
.PHONY: setup test check fmt tidy bench cost doors kill-matrix crash-points fleet mutants readme soak model
setup: ## Install what tests need (redis-server, gcc, curl, openssl, chromium, fonts), as root on Debian or with brew
	@.ci/setup

test: setup ## All tests, race detector on, nothing skipped
	$(GO) test -race -count=1 -timeout 20m -parallel 8 ./...
	$(GO) test -count=1 -timeout 20m -run '$(MODEL)' ./transition

check: setup ## gofmt, go vet, luacheck of the scripts, golangci-lint with the import walls
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofmt-ed:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) run ./internal/lualint
	$(LINT) run --allow-parallel-runners ./...

kill-matrix: setup ## Kill hub and redis-server at every step, and print what became of the money
	$(GO) test -count=1 -timeout 10m -parallel 8 -run TestKillMatrix -v ./cmd/hub | grep -v '^=== '

crash-points: setup ## Every crash point of the load protocol at every step, with the card as the witness
	$(GO) test -count=1 -timeout 10m -parallel 8 -run TestCrashPoints -v ./cmd/hub | grep -v '^=== '

fleet: setup ## 800 terminals, 60 cards a second for a minute, 1 % die; then the books against every card. ARGS='-fleet-seed 7' for one run again
	$(GO) test -count=1 -timeout 20m -run TestFleet -v ./cmd/hub -fleet-terminals 800 -fleet-accounts 3000 -fleet-taps 60 -fleet-for 60s \
		-fleet-crash 1% -fleet-sync=false -fleet-seed 0 $(ARGS)

model: setup ## Every history of three taps, each tempting shortcut, and long random ones, on the real scripts
	$(GO) test -count=1 -timeout 30m -run '$(MODEL)' -v ./transition | grep -v '^=== '

doors: setup ## Floods at each door while good requests go on: anonymous visitors, wrong passwords, half-sent bodies
	$(GO) test -count=1 -timeout 20m -run TestDoors -v ./cmd/hub -doors | grep -v '^=== '

mutants: setup ## Take out each defence of docs/money-path.md and see its test fail. ARGS='-mutants wechat-25' for some
	$(GO) test -count=1 -timeout 60m -run TestMutantsAreKilled -v ./internal/mutants -mutants all $(ARGS)

readme: setup ## Make the README's pictures, transcript and results, and the tables of mocks/README.md anew
	$(GO) test -count=1 -timeout 20m -run 'Browser|Phone|Readme' ./cmd/demo -update
	$(GO) test -count=1 -run Readme ./cmd/mockpay -update

soak: setup ## 10,000 orders over both channels with every fault on, then the books order by order
	$(GO) test -count=1 -timeout 60m -run TestSoak -v ./cmd/hub/app -soak 10000

bench: setup ## The hot paths, callback and tap, against a bare handler in the same run
	$(GO) test -run '^$$' -bench . -benchtime 2s ./...

cost: setup ## The hub's CPU a callback against another commit, in alternating pairs. BASE=COMMIT
	@dir=$$(mktemp -d) && git worktree add -q --detach $$dir/base $(BASE) && (cd $$dir/base && $(GO) build -tags failpoint -o $$dir/hub ./cmd/hub) ; \
		git worktree remove --force $$dir/base; \
		$(GO) test -count=1 -timeout 20m -run TestTheCost -v ./cmd/hub -cost-base $$dir/hub -cost-callbacks 8000 -cost-pairs 5 | grep -v '^=== '; rm -r $$dir

fmt: ## Format the Go code
	gofmt -w $$(git ls-files '*.go')

tidy: ## Tidy go.mod
	$(GO) mod tidy
