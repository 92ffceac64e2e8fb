
# Copyright (C) ngx_deploy_module authors
#
#   make                      the module, for the nginx of Debian (nginx-dev)
#   make NGINX_SRC=dir        nginx and the module from a source tree
#   make test                 everything that a change has to pass
#   make help                 the other targets


SHELL =		/bin/bash

CC =		gcc
CLANG =		clang

NGINX_SRC =
NGINX_DEV =	/usr/share/nginx/src
JOBS =		$(shell nproc 2>/dev/null || echo 2)
PROVE_JOBS =	2
FUZZ_TIME =	60
SOAK_TIME =	180
SHARED =
PROVIDERS =	github gitea forgejo gogs bitbucket bitbucket-server \
		gitlab azure-devops aws slack

prefix =	/usr
bindir =	$(prefix)/bin
mandir =	$(prefix)/share/man
completionsdir = $(prefix)/share/bash-completion/completions
modulesdir =	$(prefix)/lib/nginx/modules
availabledir =	$(prefix)/share/nginx/modules-available
docdir =	$(prefix)/share/doc/ngx_deploy_module

CFLAGS =	-O2 -g
WARN =		-std=gnu11 -Wall -Wextra -Werror
SAN =		-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined
INCS =		-I ngx_deploy_module/core -I ngx_deploy_module/work \
		-I ngx_deploy_module/tool -I t/unit
LIBS =		-ljansson -lcurl -lsqlite3 -lcrypto -lpcre2-8 -lpthread

ROOT :=		$(CURDIR)

ifeq ($(NGINX_SRC),)
BUILD =		build
else
BUILD :=	build-$(shell sed -n 's/.*NGINX_VERSION  *"\(.*\)".*/\1/p' \
			$(NGINX_SRC)/src/core/nginx.h)
endif

SO =		$(BUILD)/ngx_deploy_module.so

PURE =		$(sort $(wildcard ngx_deploy_module/core/*.c \
			ngx_deploy_module/work/*.c))
GLUE =		$(sort $(wildcard ngx_deploy_module/http/*.c))
TOOL =		$(sort $(wildcard ngx_deploy_module/tool/*.c))
HDRS =		$(sort $(wildcard ngx_deploy_module/core/*.h \
			ngx_deploy_module/http/*.h ngx_deploy_module/work/*.h))

# of the tool alone, the module does not depend on them
TOOL_HDRS =	$(sort $(wildcard ngx_deploy_module/tool/*.h))

UNIT_HDRS =	$(sort $(wildcard t/unit/*.h))
UNITS =		$(sort $(patsubst t/unit/%.c,%,$(wildcard t/unit/*.c)))
FUZZERS =	$(sort $(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/*.c)))
CORPORA =	$(sort $(patsubst t/corpora/%.c,%,$(wildcard t/corpora/*.c)))

TOOLS =		$(sort $(patsubst t/tool/%.c,%,$(wildcard t/tool/*.c)))

UNIT_TESTS =	$(UNITS:%=build/t/unit-%.t) $(UNITS:%=build/t/unit-%-asan.t)
TEST_TOOLS =	$(TOOLS:%=build/t/%) $(TOOLS:%=build/t/%-asan) \
		build/t/torture.so

export ASAN_OPTIONS ?= detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS ?= print_stacktrace=1
export PERL5LIB := $(ROOT)/t/lib:$(PERL5LIB)


.PHONY:		all module tool install deps test unit unit-build fuzz \
		fuzz-build asan check-corpora peers powerloss demo bench harm \
		soak soak-asan torture analyze coverage lint unit-plain sbom \
		deb deb-test clean help FORCE
.SECONDARY:

all:		module tool

module:		$(SO)

tool:		build/ngx-deploy

help:
	@echo "make [NGINX_SRC=dir]            build the module"
	@echo "make tool                       build the command line tool"
	@echo "make install [DESTDIR=dir]      install both"
	@echo "make test                       install packages, build, test"
	@echo "make unit                       the unit tests alone"
	@echo "make fuzz [FUZZ_TIME=60]        each fuzz target for a minute"
	@echo "make asan [NGINX_SRC=dir]       all tests, sanitized nginx"
	@echo "make check-corpora SHARED=dir   the large corpora"
	@echo "make peers                      beside Slack's own packages"
	@echo "make powerloss                  the store, copied while in use"
	@echo "make torture                    each allocation fails in turn"
	@echo "make demo                       see it work"
	@echo "make bench                      measure"
	@echo "make harm                       what it costs where it is not used"
	@echo "make soak [SOAK_TIME=180]       hours of credentials in minutes"
	@echo "make soak-asan [SOAK_TIME=180]  the same, sanitized"
	@echo "make coverage                   lines that the tests reach"
	@echo "make lint                       style and static analysis"
	@echo "make analyze                    the analyzers of gcc, clang, cppcheck"
	@echo "make deb                        the package of Debian"
	@echo "make deb-test                   build it twice, install, remove"
	@echo "make clean"


# the module: util/build.sh configures and builds one tree


build:
	@mkdir -p build

# changes only when a file is added or removed, then configure runs again

build/sources:	FORCE | build
	@echo $(PURE) $(GLUE) $(HDRS) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(SO):		config util/build.sh build/sources $(PURE) $(GLUE) $(HDRS)
	@NGINX_SRC="$(NGINX_SRC)" NGINX_DEV="$(NGINX_DEV)" JOBS=$(JOBS) \
		util/build.sh module $(BUILD)

install:	$(SO) build/ngx-deploy
	install -d $(DESTDIR)$(modulesdir) $(DESTDIR)$(availabledir) \
		$(DESTDIR)$(docdir)/examples $(DESTDIR)$(bindir) \
		$(DESTDIR)$(mandir)/man1 $(DESTDIR)$(completionsdir)
	install -m 755 build/ngx-deploy $(DESTDIR)$(bindir)/
	install -m 644 ngx_deploy_module/tool/ngx-deploy.1 \
		$(DESTDIR)$(mandir)/man1/
	install -m 644 ngx_deploy_module/tool/ngx-deploy.bash \
		$(DESTDIR)$(completionsdir)/ngx-deploy
	install -m 644 $(SO) $(DESTDIR)$(modulesdir)/ngx_deploy_module.so
	install -m 644 util/mod-http-deploy.conf $(DESTDIR)$(availabledir)/
	for f in README.md CHANGES; do \
		[ ! -f $$f ] || install -m 644 $$f $(DESTDIR)$(docdir)/; \
	done
	for f in conf/*; do \
		[ ! -f $$f ] || install -m 644 $$f \
			$(DESTDIR)$(docdir)/examples/; \
	done
	install -D -m 644 conf/systemd/hardening.conf \
		$(DESTDIR)$(docdir)/examples/systemd/hardening.conf


# packages


sbom:		build/sbom.cdx.json

build/sbom.cdx.json: $(SO) build/ngx-deploy util/sbom debian/changelog
	util/sbom $(SO) build/ngx-deploy > $@.new
	mv $@.new $@

deb:
	@util/deps.sh deb
	util/deb build build/deb

deb-test:
	@util/deps.sh deb
	util/deb test build/deb


# unit tests: programs that print TAP, plain and sanitized


define objects
build/$(1)/%.o: ngx_deploy_module/core/%.c $$(HDRS)
	@mkdir -p $$(@D)
	$(2) $(WARN) $(3) $(INCS) -c -o $$@ $$<

build/$(1)/%.o: ngx_deploy_module/work/%.c $$(HDRS)
	@mkdir -p $$(@D)
	$(2) $(WARN) $(3) $(INCS) -c -o $$@ $$<

build/$(1)/%.o: ngx_deploy_module/tool/%.c $$(HDRS) $$(TOOL_HDRS)
	@mkdir -p $$(@D)
	$(2) $(WARN) $(3) $(INCS) -c -o $$@ $$<

build/$(1)/tool.a: $$(patsubst %.c,build/$(1)/%.o,$$(notdir $$(TOOL)))
	@rm -f $$@
	ar rcs $$@ $$^

build/$(1)/pure.a: $$(patsubst %.c,build/$(1)/%.o,$$(notdir $$(PURE)))
	@rm -f $$@
	ar rcs $$@ $$^
endef

FUZZ_CFLAGS =	-O1 -g -fno-omit-frame-pointer \
		-fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined

$(eval $(call objects,plain,$(CC),$(CFLAGS)))
$(eval $(call objects,asan,$(CC),$(SAN)))
$(eval $(call objects,fuzz,$(CLANG),$(FUZZ_CFLAGS)))

# the command line tool, main() and what it takes of the archives

build/ngx-deploy: build/plain/tool.a build/plain/pure.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ build/plain/ngx_deploy_tool_main.o \
		$^ $(LIBS)

build/ngx-deploy-asan: build/asan/tool.a build/asan/pure.a
	$(CC) $(SAN) -o $@ build/asan/ngx_deploy_tool_main.o $^ $(LIBS)

build/t/unit-%-asan.t: t/unit/%.c build/asan/tool.a build/asan/pure.a \
		$(UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(WARN) $(SAN) $(INCS) -o $@ $< build/asan/tool.a \
		build/asan/pure.a $(LIBS)

build/t/unit-%.t: t/unit/%.c build/plain/tool.a build/plain/pure.a \
		$(UNIT_HDRS)
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) $(INCS) -o $@ $< build/plain/tool.a \
		build/plain/pure.a $(LIBS)

# programs that the tests in Perl run


build/t/%-asan: t/tool/%.c build/asan/pure.a
	@mkdir -p $(@D)
	$(CC) $(WARN) $(SAN) $(INCS) -o $@ $< build/asan/pure.a $(LIBS)

build/t/%: t/tool/%.c build/plain/pure.a
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) $(INCS) -o $@ $< build/plain/pure.a $(LIBS)

# preloaded into nginx, makes its allocations fail

build/t/torture.so: t/torture/torture.c
	@mkdir -p $(@D)
	$(CC) $(WARN) $(CFLAGS) -shared -fPIC -o $@ $< -ldl

unit-build:	$(UNIT_TESTS) $(TEST_TOOLS)
	@for f in build/t/*.t; do \
		case " $(UNIT_TESTS) " in *" $$f "*) ;; *) rm -f $$f;; esac; \
	done

# without the sanitized ones, for builds of packages

unit-plain:	$(UNITS:%=build/t/unit-%.t)
	prove -j $(PROVE_JOBS) $^

unit:		unit-build
	prove -j $(PROVE_JOBS) build/t


# the whole suite


deps:
	@util/deps.sh test

test:		deps
	@$(MAKE) --no-print-directory -j $(JOBS) module tool unit-build
	prove -j $(PROVE_JOBS) t $(if $(UNITS),build/t)

asan:
	@util/deps.sh asan
	@$(MAKE) --no-print-directory -j $(JOBS) unit-build \
		build/ngx-deploy-asan
	@NGINX_SRC="$(NGINX_SRC)" JOBS=$(JOBS) util/build.sh asan build-asan
	TEST_NGX_DEPLOY=$(ROOT)/build/ngx-deploy-asan \
	TEST_NGINX_BINARY=$(ROOT)/build-asan/nginx TEST_NGINX_MODULE=static \
	LSAN_OPTIONS=suppressions=$(ROOT)/util/lsan.supp:print_suppressions=0 \
		prove -j $(PROVE_JOBS) t $(if $(UNITS),build/t)


# fuzzing: new inputs stay in build/fuzz, t/fuzz/corpus is read only


build/fuzz/%:	t/fuzz/%.c build/fuzz/tool.a build/fuzz/pure.a
	$(CLANG) $(WARN) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(INCS) -o $@ $< \
		build/fuzz/tool.a build/fuzz/pure.a $(LIBS)

# nginx itself, with the module

build-fuzz/nginx.a: config util/build.sh $(PURE) $(GLUE) $(HDRS)
	@NGINX_SRC="$(NGINX_SRC)" JOBS=$(JOBS) util/build.sh fuzz build-fuzz

build/fuzz/request: t/fuzz/request.c build/fuzz/tool.a build-fuzz/nginx.a
	$(CLANG) $(WARN) -Wno-unused-parameter $(FUZZ_CFLAGS) \
		-fsanitize=fuzzer $(INCS) \
		$(addprefix -I build-fuzz/src/src/,core event os/unix) \
		-I build-fuzz/objs -Wl,--wrap=ngx_log_error_core \
		-Wl,--wrap=ngx_thread_task_post -o $@ $< \
		-Wl,--start-group build/fuzz/tool.a build-fuzz/nginx.a \
		-Wl,--end-group $(LIBS) -lssl -lcrypt -lz

fuzz-build:	$(FUZZERS:%=build/fuzz/%)

fuzz:
	@util/deps.sh fuzz
	@$(MAKE) --no-print-directory -j $(JOBS) fuzz-build
	@for f in $(FUZZERS); do \
		mkdir -p build/fuzz/found/$$f; \
		dirs=build/fuzz/found/$$f; \
		[ ! -d t/fuzz/corpus/$$f ] || dirs="$$dirs t/fuzz/corpus/$$f"; \
		dict=; \
		[ ! -f t/fuzz/$$f.dict ] || dict=-dict=t/fuzz/$$f.dict; \
		echo "fuzz $$f"; \
		build/fuzz/$$f -max_total_time=$(FUZZ_TIME) -timeout=10 \
			-rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=build/fuzz/$$f- $$dict $$dirs \
			|| exit 1; \
	done


# corpora that are not in the repository: make check-corpora SHARED=dir


build/corpora/%: t/corpora/%.c build/asan/pure.a
	@mkdir -p $(@D)
	$(CC) $(WARN) $(SAN) $(INCS) -o $@ $< build/asan/pure.a $(LIBS)

check-corpora:	$(CORPORA:%=build/corpora/%)
	@[ -n "$(SHARED)" ] || { echo "usage: make $@ SHARED=dir"; exit 2; }
	@rc=0; for f in $(CORPORA); do \
		args=; [ $$f != payloads ] || args="$(PROVIDERS)"; \
		build/corpora/$$f $(SHARED) $$args > build/corpora/$$f.log \
			2>&1 && ok=passed || { ok=FAILED; rc=1; }; \
		grep -v '^ok ' build/corpora/$$f.log; \
		echo "$$f: $$ok"; \
	done; exit $$rc


# needs Node.js and a registry of its packages


peers:
	@util/deps.sh test
	@node -e 'process.exit(+(parseInt(process.versions.node) < 20))' || \
		{ echo "Node.js 20 or later is needed"; exit 2; }
	@$(MAKE) --no-print-directory module
	cd t/peers && npm ci
	prove -j $(PROVE_JOBS) t/peers


# needs root: loop mounts


powerloss:
	@util/deps.sh test
	@$(MAKE) --no-print-directory module
	prove -v t/powerloss


torture:
	@util/deps.sh test
	@$(MAKE) --no-print-directory -j $(JOBS) module build/t/torture.so
	TEST_NGINX_TORTURE=all prove -v t/torture.t


demo:
	@util/deps.sh test >&2
	@$(MAKE) --no-print-directory module >&2
	@demo/demo

bench:		module
	@util/deps.sh bench
	t/bench/bench

harm:		module
	@util/deps.sh bench
	t/bench/harm

# under load while credentials come and go, not a part of the tests


soak:		module
	SOAK_TIME=$(SOAK_TIME) t/soak/soak

soak-asan:
	@util/deps.sh asan
	@NGINX_SRC="$(NGINX_SRC)" JOBS=$(JOBS) util/build.sh asan build-asan
	SOAK_TIME=$(SOAK_TIME) \
	TEST_NGINX_BINARY=$(ROOT)/build-asan/nginx TEST_NGINX_MODULE=static \
	LSAN_OPTIONS=suppressions=$(ROOT)/util/lsan.supp:print_suppressions=0 \
		t/soak/soak

coverage:	module tool
	@util/deps.sh test
	JOBS=$(JOBS) util/coverage

analyze:	module
	@util/deps.sh analyze
	util/analyze

lint:
	prove t/lint.t
	@if command -v cppcheck > /dev/null; then \
		cppcheck -q --std=c11 --error-exitcode=1 --inline-suppr \
			--enable=warning,portability --suppress=missingInclude \
			-I ngx_deploy_module/core -I ngx_deploy_module/work \
			-I ngx_deploy_module/tool $(PURE) $(TOOL); \
	fi
	@if command -v $(CLANG) > /dev/null; then \
		for f in $(PURE) $(TOOL); do \
			$(CLANG) $(WARN) $(CFLAGS) $(INCS) -fsyntax-only $$f \
				|| exit 1; \
		done; \
	fi

clean:
	rm -rf build build-*
