# Everything a developer needs is one of these; `make help` lists them. Go and git are the only prerequisites.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
PROGRAMS := ocne ocne-manager olvmsim
LDFLAGS := -s -w -X main.version=$(VERSION)
SOURCES := $(shell find api cmd config internal pkg -name '*.go' -o -name '*.yaml' 2>/dev/null) go.mod go.sum
# One set of flags for everything that is built, vetted and tested with the race detector, so that all of it shares one cache.
RACE := CGO_ENABLED=1
RACE_FLAGS := -race -trimpath
LINT_TOOL := go tool -modfile=hack/tools/go.mod

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: $(addprefix bin/,$(PROGRAMS)) bin/ocne-controlplane ## Build all programs into bin/

# All with one command: several at once would compile what they share several times.
$(addprefix bin/,$(PROGRAMS)) &: $(SOURCES)
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o bin/ $(addprefix ./cmd/,$(PROGRAMS))
	@touch $(addprefix bin/,$(PROGRAMS))

bin/ocne-controlplane: controlplane/go.mod controlplane/go.sum $(wildcard controlplane/*.go) hack/build-controlplane.sh
	hack/build-controlplane.sh $@
	@touch $@

# The programs that the tests start: ours with the race detector. The control plane is the API server and etcd with a little of ours
# around them; with the detector it is three times slower and reports races of theirs only.
$(addprefix bin/race/,$(PROGRAMS)) &: $(SOURCES)
	@mkdir -p bin/race
	$(RACE) go build $(RACE_FLAGS) -ldflags "$(LDFLAGS)" -o bin/race/ $(addprefix ./cmd/,$(PROGRAMS))
	@touch $(addprefix bin/race/,$(PROGRAMS))

bin/race/ocne-controlplane: bin/ocne-controlplane
	@mkdir -p $(@D)
	cp -f $< $@

.PHONY: race-build
race-build: $(addprefix bin/race/,$(PROGRAMS)) bin/race/ocne-controlplane

.PHONY: demo
demo: build ## From nothing to a Kubernetes cluster on a simulated OLVM
	hack/demo.sh up

.PHONY: demo-down
demo-down: build ## Delete the demo's cluster and prove that the engine holds nothing of it
	hack/demo.sh down

.PHONY: test
test: test-all-race test-integration test-crash ## Run all tests: unit and integration; with real nodes, when run by root
	@if [ "$$(id -u)" = 0 ]; then $(MAKE) e2e; else \
		echo "make e2e: skipped, because only root can make real nodes (containers with systemd, kubelet and etcd in them)"; fi

.PHONY: test-unit
test-unit: race-build test-nodeimage ## Test what needs no management cluster, with the race detector
	$(RACE) OCNE_BIN=$(CURDIR)/bin/race go test $(RACE_FLAGS) -timeout 30m $$(go list ./... | grep -v /test/)

# Each of these tests has an engine and a management cluster of its own. They take most of the processors, which the race detector makes three
# times as busy: with it in the programs, run the controllers' contract with Cluster API, and the stories that touch the most code.
RACE_STORIES := TestLifeOfACluster|TestInterruptAtEveryStage|TestManagementClustersAreRemembered|TestControlPlanesAreSpreadOverFailureDomains
STORIES := CGO_ENABLED=0 OCNE_BIN=$(CURDIR)/bin OCNE_PLAIN_BIN=$(CURDIR)/bin go test -trimpath -p 1 -parallel 4 -timeout 60m

.PHONY: test-race
test-race: race-build ## Test the contract with Cluster API and some stories of management clusters, with the race detector
	$(RACE) OCNE_BIN=$(CURDIR)/bin/race go test $(RACE_FLAGS) -timeout 60m ./test/contract
	$(RACE) OCNE_BIN=$(CURDIR)/bin/race go test $(RACE_FLAGS) -parallel 3 -timeout 60m -run '^($(RACE_STORIES))$$' ./test/integration

.PHONY: test-all-race
test-all-race: ## Run test-unit and test-race, one after the other
	$(MAKE) test-unit
	$(MAKE) test-race

.PHONY: test-integration
test-integration: build bin/test-registry ## Tell all other stories of management clusters on simulated engines
	$(STORIES) -skip '^($(RACE_STORIES))$$' ./test/integration

.PHONY: test-crash
test-crash: build bin/test-registry ## Kill controllers at every request, move clusters, apply manifests, make every mistake of a user
	$(STORIES) $$(go list ./test/... | grep -v -e /test/e2e -e /test/contract -e /test/integration)

# What of the node image is ours and compiles in seconds. The rest of its modules is CoreDNS, flannel, Kubernetes and Ignition with a few lines
# around them, which make node-image compiles, in many minutes.
NODE_IMAGE_TESTED := ./flannel-cni ./pause ./web

.PHONY: test-nodeimage
test-nodeimage: ## Test the node image's own programs
	cd test/nodeimage/network && CGO_ENABLED=0 go test -trimpath $(NODE_IMAGE_TESTED)

# CGO_ENABLED=0 as for the programs, so that nothing is compiled twice.
.PHONY: test-clients
test-clients: ## Let other clients judge olvmsim: the Go SDK, and go-ovirt-client's own live suite (ten minutes)
	cd test/clients && CGO_ENABLED=0 OCNE_CLIENT_SUITE=1 go test -trimpath -count=1 -v -timeout 40m ./...

# The version of the packages, which has to be a semantic one; the committed packages' own when it is empty.
RELEASE ?=
.PHONY: packages
packages: ## Write a release for clusterctl and Helm into bin/packages
	go run -trimpath ./hack/packages $(if $(RELEASE),-version $(RELEASE)) bin/packages

IMAGE_ARCHITECTURES ?= amd64,arm64

.PHONY: image
image: ## Build the OCI image of ocne-manager into bin/image
	go run -trimpath ./hack/image -version $(VERSION) -architectures $(IMAGE_ARCHITECTURES) bin/image

# Minutes to half an hour the first time, then from the cache. The directory is made by root, from Debian packages and Go modules.
.PHONY: node-image
node-image: ## Make the image of nodes for container guests, print its directory and link it as bin/nodeimage
	@mkdir -p bin
	@image=$$(hack/node-image.sh) && ln -sfn "$$image" bin/nodeimage && echo "$$image"

.PHONY: cloud-image
cloud-image: node-image ## Add nodes with cloud-init to the node image, print the directory of both and link it as bin/cloudimage
	@image=$$(hack/cloud-image.sh) && ln -sfn "$$image" bin/cloudimage && echo "$$image"

# Needs what node-image needs, and shares its Ignition.
.PHONY: boot-image
boot-image: ## Make the disk that tests boot in QEMU, print its directory and link it as bin/bootimage
	@mkdir -p bin
	@image=$$(hack/boot-image.sh) && ln -sfn "$$image" bin/bootimage && echo "$$image"

# Needs what node-image and boot-image need, and is put together from what they are made of.
.PHONY: vm-image
vm-image: ## Make the disk of a whole Kubernetes node for QEMU and libvirt, print its directory and link it as bin/vmimage
	@mkdir -p bin
	@image=$$(hack/vm-image.sh) && ln -sfn "$$image" bin/vmimage && echo "$$image"

.PHONY: test-libvirt
test-libvirt: ## Make, find and remove VMs with a real libvirtd in namespaces of its own (root; Debian: libvirt-daemon-system qemu-system-x86 ovmf dnsmasq-base)
	CGO_ENABLED=0 OCNE_TEST_LIBVIRT=1 $(if $(wildcard bin/bootimage),OCNE_BOOT_IMAGE=$$(readlink -f bin/bootimage)) \
		go test -trimpath -count=1 -v -timeout 60m ./internal/cluster/providers/libvirt ./internal/cluster

# Which of them, as go test -run takes it; all of them include make test-libvirt.
E2E_RUN ?= .
E2E_PACKAGES ?= ./test/e2e ./test/bootimage

.PHONY: ock-test-image
ock-test-image: ## Make a small disk image of the shape of OCK's boot images and print its path
	@hack/ock-test-image.sh

.PHONY: e2e
e2e: $(addprefix bin/,$(PROGRAMS)) bin/ocne-controlplane cloud-image $(if $(filter ./test/bootimage,$(E2E_PACKAGES)),boot-image) e2e-image ## Live clusters' lives with real nodes in containers; boot an image (root; the images take half an hour once)
	CGO_ENABLED=0 OCNE_BIN=$(CURDIR)/bin OCNE_PLAIN_BIN=$(CURDIR)/bin OCNE_NODE_IMAGE=$$(readlink -f bin/cloudimage) \
		OCNE_BOOT_IMAGE=$$(readlink -f bin/bootimage) go test -trimpath -count=1 -v -p 1 -timeout 60m -run '$(E2E_RUN)' $(E2E_PACKAGES)
	@if [ '$(E2E_RUN)' != . ]; then echo "make test-libvirt: skipped, because E2E_RUN names a part of make e2e"; \
	elif ! command -v libvirtd >/dev/null; then echo "make test-libvirt: skipped, because libvirtd is not installed"; \
	else $(MAKE) test-libvirt; fi

# A cluster that manages itself runs this image, on nodes of this machine's architecture.
.PHONY: e2e-image
e2e-image:
	$(MAKE) image IMAGE_ARCHITECTURES=$$(go env GOARCH)

# OCNE_E2E_RUNS (20), OCNE_E2E_MINUTES (60) and OCNE_E2E_SEED change how long it takes and what it does.
.PHONY: e2e-long
e2e-long: $(addprefix bin/,$(PROGRAMS)) bin/ocne-controlplane node-image e2e-image ## The same for hours: twenty lives, 5 + 4 nodes, nodes killed at random (root)
	CGO_ENABLED=0 OCNE_E2E_LONG=1 OCNE_BIN=$(CURDIR)/bin OCNE_PLAIN_BIN=$(CURDIR)/bin OCNE_NODE_IMAGE=$$(readlink -f bin/nodeimage) \
		go test -trimpath -count=1 -v -timeout 6h -run 'Long' ./test/e2e

.PHONY: e2e-libvirt
e2e-libvirt: $(addprefix bin/,$(PROGRAMS)) bin/ocne-controlplane vm-image e2e-image ## Clusters on a real libvirt host, with emulated nodes, and a management cluster there (root; as test-libvirt)
	@command -v libvirtd >/dev/null || { echo "make e2e-libvirt: libvirtd is not installed" >&2; exit 1; }
	CGO_ENABLED=0 OCNE_TEST_LIBVIRT=1 OCNE_BIN=$(CURDIR)/bin OCNE_PLAIN_BIN=$(CURDIR)/bin OCNE_VM_IMAGE=$$(readlink -f bin/vmimage) \
		go test -trimpath -count=1 -v -timeout 6h ./test/onlibvirt

.PHONY: test-packages
test-packages: $(addprefix bin/,$(PROGRAMS)) bin/ocne-controlplane ## Install the packages into real API servers, and live a cluster's life with each
	cd test/packages && CGO_ENABLED=0 OCNE_BIN=$(CURDIR)/bin OCNE_PLAIN_BIN=$(CURDIR)/bin go test -trimpath -count=1 -timeout 60m ./...

.PHONY: test-registry
test-registry: ## Pull images from the distribution project's registry: TLS, passwords, dropped connections, killed processes
	cd test/registry && CGO_ENABLED=0 go test -trimpath -count=1 -timeout 20m ./...

# A program that serves images made of boot disks from that registry, for the tests of others: see test/registry/cmd.
bin/test-registry: test/registry/go.mod $(wildcard test/registry/*.go test/registry/cmd/*.go)
	cd test/registry && CGO_ENABLED=0 go build -trimpath -o $(CURDIR)/$@ ./cmd

.PHONY: lint
lint: ## Check style and the import boundaries of the design
	$(LINT_TOOL) golangci-lint run ./...
	cd controlplane && go tool -modfile=../hack/tools/go.mod golangci-lint run --config ../.golangci.yml ./...
	cd test/clients && go tool -modfile=../../hack/tools/go.mod golangci-lint run --config ../../.golangci.yml ./...
	cd test/packages && go tool -modfile=../../hack/tools/go.mod golangci-lint run --config ../../.golangci.yml ./...
	cd test/registry && go tool -modfile=../../hack/tools/go.mod golangci-lint run --config ../../.golangci.yml ./...
	cd test/nodeimage/network && go tool -modfile=../../../hack/tools/go.mod golangci-lint run --config ../../../.golangci.yml $(NODE_IMAGE_TESTED)

.PHONY: generate
generate: ## Regenerate deep copies, CRDs, docs/reference and what is taken from Cluster API
	hack/generate.sh

.PHONY: bench
bench: $(addprefix bin/,$(PROGRAMS)) bin/ocne-controlplane ## Run the benchmarks
	OCNE_BIN=$(CURDIR)/bin go test -run '^$$' -bench . -benchmem ./internal/... ./pkg/...

.PHONY: clean
clean: ## Remove what was built (the build cache outside the tree stays)
	@if [ -e bin/demo/olvmsim.pid ]; then echo "a demo may be running: run make demo-down first" >&2; exit 1; fi
	rm -rf bin
