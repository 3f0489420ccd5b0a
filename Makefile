# taptrace. `make help` lists the targets.

CLANG ?= clang
CC ?= cc
NODE ?= node
TESTS ?= unit live kernels-short

# Which ways of reading kernel memory each mechanism is built in (bpf/access.h).
BPF_OBJECTS := tp_btf-kfunc tp_btf-probe tp_btf-direct qdisc-probe qdisc-direct fentry-probe fentry-direct kprobe-probe \
               xdp-probe tcx-kfunc cgroup_skb-kfunc netfilter-kfunc packet_socket-kfunc packet_socket-context layout-types
BPF_FILES := $(BPF_OBJECTS:%=dist/bpf/%.bpf.o)
TOOLS := $(patsubst test/tools/%.c,dist/tools/%,$(wildcard test/tools/*.c)) dist/tools/xdp.bpf.o dist/tools/xdp-plain.bpf.o dist/tools/filter.bpf.o \
         dist/tools/nothing.bpf.o dist/tools/netfilter-drop.bpf.o
BPF_ARCH := $(if $(filter aarch64,$(shell uname -m)),arm64,x86)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
# Headers installed beside node spare node-gyp a download.
NODE_DIR := $(shell $(NODE) -p "path.resolve(process.execPath, '../..')" 2>/dev/null)
NODE_GYP_FLAGS := $(if $(wildcard $(NODE_DIR)/include/node/node.h),--nodedir=$(NODE_DIR))
BPF_FLAGS := -g -O2 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror \
             -Wno-unused-parameter -I/usr/include/$(MULTIARCH)

.DEFAULT_GOAL := help
.PHONY: help setup build bpf native typescript bundle package package-contents tools run test test-kernels kernels-doc vm lint format bench generate clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: node_modules/.package-lock.json ## install what is missing: Debian packages and npm packages
	@scripts/setup.sh

# Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which a registry's
# mirror may not carry. Versions are pinned in package.json and the lock file either way.
node_modules/.package-lock.json: package-lock.json
	@scripts/setup.sh
	npm install --ignore-scripts --no-save --no-progress

build: setup bpf native bundle tools ## build everything: BPF objects, addon, TypeScript

bpf: $(BPF_FILES)

# mechanism-access: the same source once for every way of reading kernel memory.
dist/bpf/%.bpf.o: bpf/*.c bpf/*.h Makefile
	@mkdir -p $(@D)
	@mechanism=$(firstword $(subst -, ,$*)); access=$(lastword $(subst -, ,$*)); \
	echo "  BPF     $*"; \
	$(CLANG) $(BPF_FLAGS) -DTAP_ACCESS_$$(echo $$access | tr a-z A-Z) -c bpf/$$mechanism.bpf.c -o $@

native: build/Release/taptrace.node

build/Release/taptrace.node: native/*.cc native/*.h bpf/event.h binding.gyp node_modules/.package-lock.json
	@test -f build/Makefile || node_modules/.bin/node-gyp configure --silent $(NODE_GYP_FLAGS)
	node_modules/.bin/node-gyp build --silent
	@touch $@

typescript: node_modules/.package-lock.json
	node_modules/.bin/tsc -p .

# The command line in a few files: reading a hundred and fifty modules takes longer than all else at its start.
# The library, which shares them, needs no other package that way.
# The program itself holds what Wireshark asks: one file to load (src/cli/main.ts).
BUNDLE := --bundle --format=esm --platform=node --minify-syntax --outdir=dist/bin/taptrace --log-level=warning

bundle: typescript
	@rm -rf dist/bin/taptrace
	@node_modules/.bin/esbuild dist/src/cli/main.js --external:./command-line.js $(BUNDLE)
	@node_modules/.bin/esbuild command-line=dist/src/cli/command-line.js index=dist/src/index.js format=dist/src/format.js \
	  --splitting --metafile=dist/bundle.json $(BUNDLE) \
	  --banner:js="import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"

# What a package holds for one kind of machine: the addons with their libraries inside, and the BPF objects.
PLATFORM := $(shell $(NODE) -p "process.platform + '-' + process.arch" 2>/dev/null)
PREBUILDS := prebuilds/$(PLATFORM)
STATIC := build/static
LINK_ADDON = $(CXX) -shared -o $@ $(wildcard build/Release/obj.target/$(basename $(@F))/native/*.o)
LINK_FLAGS := -Wl,--exclude-libs,ALL -Wl,--gc-sections -Wl,-s

package: setup ## the npm package, with everything in it that it needs: dist/taptrace-VERSION.tgz
	npm pack --silent --pack-destination dist

# Other platforms' prebuilds that lie there go into the package too.
package-contents: build $(PREBUILDS)/taptrace.node $(PREBUILDS)/filter.node $(BPF_FILES)
	@mkdir -p $(PREBUILDS)/bpf
	@cp $(filter-out %layout-types.bpf.o,$(BPF_FILES)) $(PREBUILDS)/bpf/
	@$(NODE) dist/scripts/third-party.js dist/bundle.json $(STATIC) > dist/third-party.txt

$(STATIC):
	@scripts/static-libraries.sh $@

$(PREBUILDS)/taptrace.node: build/Release/taptrace.node | $(STATIC)
	@mkdir -p $(@D)
	@$(LINK_ADDON) $(STATIC)/libbpf.a $(STATIC)/libelf.a -l:libz.a $(LINK_FLAGS)

$(PREBUILDS)/filter.node: build/Release/taptrace.node | $(STATIC)
	@mkdir -p $(@D)
	@$(LINK_ADDON) $(STATIC)/libpcap.a $(LINK_FLAGS)

tools: $(TOOLS)

dist/tools/%: test/tools/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -o $@ $<

# For devices of tests; without BTF too, as many programs in the wild are.
dist/tools/xdp.bpf.o dist/tools/xdp-plain.bpf.o: test/bpf/xdp.bpf.c
	@mkdir -p $(@D)
	$(CLANG) -O2 -target bpf -Wall -Wextra -Werror -Wno-unused-parameter $(if $(findstring plain,$@),,-g) -c -o $@ $<

# What the kernel's measuring costs, for the benchmark; a netfilter hook of somebody else, for tests.
dist/tools/nothing.bpf.o dist/tools/netfilter-drop.bpf.o: dist/tools/%.bpf.o: test/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c -o $@ $<

# The filter of our programs alone, for test runs of it.
dist/tools/filter.bpf.o: test/bpf/filter.bpf.c bpf/*.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -Ibpf -DTAP_ACCESS_CONTEXT -c -o $@ $<

generate: bpf native typescript ## write what is generated from BTF, the stage table, types and docstrings
	$(NODE) dist/scripts/generate-layout.js
	$(NODE) dist/scripts/generate-docs.js
	$(NODE) dist/scripts/generate-schema.js
	node_modules/.bin/typedoc --logLevel Warn
	cp dist/library-reference/library.md docs/library.md

run: build ## watch live packets at both taps: unarmed first, then armed; ends by itself
	@scripts/demo.sh

test: package lint ## unit tests, live tests (root, real packets), and both taps in two other kernels (qemu)
	$(NODE) dist/test/run.js $(TESTS)

test-kernels: build ## every kernel from 5.10 to the newest, locked down or not, in qemu: half an hour
	$(NODE) dist/test/run.js kernels

kernels-doc: build ## ask every kernel how it watches each stage; writes docs/kernels.md
	TAPTRACE_WRITE_KERNELS_PAGE=1 TAPTRACE_GUEST_TESTS=choice \
	  $(NODE) --test --test-reporter=spec dist/test/kernels/full/guests.test.js

vm: build ## a shell as root in another kernel: make vm KERNEL=6.12
	$(NODE) dist/test/kernels/vm.js --kernel $(or $(KERNEL),6.12)

lint: node_modules/.package-lock.json ## check formatting and style
	node_modules/.bin/biome check --error-on-warnings .
	@if command -v clang-format >/dev/null; then \
	  clang-format --dry-run --Werror bpf/*.c bpf/*.h native/*.cc native/*.h test/tools/*.c; \
	else echo "clang-format is missing: C and C++ formatting not checked"; exit 1; fi

format: node_modules/.package-lock.json ## put formatting right
	node_modules/.bin/biome check --write .
	clang-format -i bpf/*.c bpf/*.h native/*.cc native/*.h test/tools/*.c

bench: build ## measure rate, loss, start-up and memory; writes docs/performance.md
	$(NODE) dist/bench/bench.js

clean: ## remove everything built
	rm -rf dist build prebuilds
