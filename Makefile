# deeparc. `make` builds build/deeparc, `make test` runs everything a change can break, `make mnist-demo` shows the whole story.
# Targets:
#   make mnist-demo [DATA=mnist|fashion-mnist|digits|DIR]    make test [CC=clang] [OPENMP=1|0]    make asan    make ubsan    make tsan
#   make rq1 [SCALE=smoke|laptop|paper] [DATA=...]    how modular networks are: from data to CSV and page (paper: plan and cost)
#   make rq2 [SCALE=smoke|laptop|paper]    what modules preserve: curves of removed and repeated blocks, with controls
#   make bench    speed of kernels and networks        tests/bench/versus_torch.sh    the same beside PyTorch
#   make real-data-test    accuracies on the real data in $DEEPARC_DATA        make fuzz [SECONDS_EACH=30]    the readers, with clang
#   make scaling           how a training step would scale on more cores, simulated
#   make bits-test         the same weights from gcc and clang, -O1 to -O3, own threads, OpenMP's, none, on x86-64 and aarch64
#   make sanitized         both sanitizers in one build, without the scripts that no sanitizer needs
#   make tiny              unit tests and bits with tiny pieces of work and signalling NaNs in memory without meaning
#   make nightly           what takes hours and seldom changes: every build's bits, other systems, real data in full, fuzzing
#   make install [PREFIX=/usr/local] [DESTDIR=]    program, manual page, headers, libraries, deeparc.pc        make uninstall
#   make lib               the shared library, build/pic/libdeeparc.so.VERSION (a Mac's: .dylib)
# Options: CC=gcc|clang   CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS: added to our own   OPENMP=1|0 (threads of OpenMP, or none)   O=-O3 (optimisation)   DEBUG=-g1 (-g: for a debugger)   SANITIZE=address,undefined|thread   WERROR=1   BUILD=build
#   V=1 (shows whole lines)
CC      := $(if $(filter default,$(origin CC)),$(firstword $(foreach c,gcc cc clang,$(shell command -v $c >/dev/null 2>&1 && echo $c)) cc),$(CC))
BUILD   := build
OPENMP  :=
O       := -O3
DEBUG   := -g1
PYTHON  := python3

# Compiles on all processors, also where nobody says -j.
CPUS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || getconf NPROCESSORS_ONLN 2>/dev/null || echo 1)
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(CPUS)
endif

# What the compiler is and compiles for: the macros it begins with. Apple's says arm64 where others say aarch64, and gcc
# on a Mac is clang, but all of them define these.
MACROS  := $(filter __x86_64__ __i386__ __aarch64__ __APPLE__ __FreeBSD__ __NetBSD__ __OpenBSD__ __clang__,\
             $(shell $(CC) $(CPPFLAGS) $(CFLAGS) -dM -E -x c /dev/null 2>/dev/null | awk '{ print $$2 }'))
# Threads: our own (POSIX, part of libc); OPENMP=1: OpenMP's instead; OPENMP=0: none, every loop is serial.
OMP := $(if $(filter 1,$(OPENMP)),-fopenmp,$(if $(filter 0,$(OPENMP)),,-pthread -DDA_OWN_THREADS))

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
           -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wdouble-promotion -Wnull-dereference $(if $(WERROR),-Werror)
# -std=c11 hides POSIX in Linux's headers, and asking for POSIX hides all that is more than POSIX in those of Macs and BSDs.
# The user's CFLAGS and CPPFLAGS stand between what he may overrule, optimisation and warnings, and what the bits need.
# On 32-bit x86 float arithmetic is float's with SSE alone.
CFLAGS  ?=
EXACT   := -std=c11 -ffp-contract=off -fno-math-errno $(if $(filter __i386__,$(MACROS)),-msse2 -mfpmath=sse)
DEFINE  := -I. $(if $(filter __APPLE__ %BSD__,$(MACROS)),,-D_POSIX_C_SOURCE=200809L) $(if $(TINY),-DDA_TINY) $(if $(SANITIZE),-DDA_SANITIZED)
CHECKS  := $(if $(SANITIZE),$(if $(filter __clang__,$(MACROS)),,-fno-var-tracking-assignments) -fsanitize=$(SANITIZE) \
             -fno-omit-frame-pointer -fno-sanitize-recover=all)
COMPILE  = $(CC) $(DEBUG) $(O) $(WARN) $(CPPFLAGS) $(CFLAGS) $(DEFINE) $(EXACT) $(OMP) $(CHECKS)
LINK     = $(CC) $(filter -fopenmp -pthread,$(OMP)) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(CFLAGS) $(LDFLAGS)
LIBS     = -lm $(LDLIBS)

# Kernels: core/kernels/fast_*.c are compiled once for every instruction set; the program chooses at start-up.
VARIANTS       := portable $(if $(filter __x86_64__,$(MACROS)),avx2 avx512) $(if $(filter __aarch64__,$(MACROS)),neon)
FLAGS_portable :=
FLAGS_avx2     := -mavx2 -mfma
FLAGS_avx512   := -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx2 -mfma -mprefer-vector-width=512
FLAGS_neon     :=

FAST     := $(wildcard core/kernels/fast_*.c)
LIBRARY  := $(filter-out $(FAST),$(wildcard core/*.c core/*/*.c layers/*.c optim/*.c datasets/*.c deeparc/*.c deeparc/present/*.c))
PROGRAM  := $(wildcard deeparc/cli/*.c)
TESTS    := $(wildcard tests/unit/*.c tests/reference/*.c)

LIB_OBJ  := $(LIBRARY:%.c=$(BUILD)/obj/%.o) $(foreach v,$(VARIANTS),$(FAST:%.c=$(BUILD)/obj/%.$(v).o))
PROG_OBJ := $(PROGRAM:%.c=$(BUILD)/obj/%.o)
TEST_OBJ := $(TESTS:%.c=$(BUILD)/obj/%.o)

.PHONY: all lib install uninstall test tiny light asan ubsan tsan sanitized nightly bench real-data-test bits-test scaling fuzz mnist-demo rq1 rq2 clean FORCE
.DELETE_ON_ERROR:
all: $(BUILD)/deeparc

# What a line does, "CC core/graph.c", instead of the line: V=1 shows the line, -s neither.
SILENT := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(V),,@$(if $(SILENT),,echo ' $1 $2' && ))

# A change of compiler or flags rebuilds everything: the stamp holds them. Half a second a file is what a processor takes.
STAMP := $(BUILD)/.flags
FLAGS_NOW := $(strip $(COMPILE) $(LDFLAGS))
$(STAMP): FORCE
	@mkdir -p $(@D); echo '$(FLAGS_NOW)' | cmp -s - $@ || { echo '$(FLAGS_NOW)' > $@; \
	  $(if $(SILENT),,n=$(words $(LIB_OBJ) $(PROG_OBJ)); \
	  echo "Compiling $$n files on $(CPUS) processors takes about $$(((n / 2 / $(CPUS) + 9) / 10 * 10)) seconds, this once.";) }

# The objects of a folder: of each file, and of each kernel for each instruction set.
define objects
$(1)/%.o: %.c $(STAMP)
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$$(COMPILE) $(2) -MMD -MP -c $$< -o $$@
$(foreach v,$(VARIANTS),$(call variant,$(1),$(2),$(v)))
endef
define variant
$(1)/%.$(3).o: %.c $(STAMP)
	@mkdir -p $$(@D)
	$$(call say,CC,$$< for $(3))$$(COMPILE) $(2) $(FLAGS_$(3)) -DDA_VARIANT_NAME=$(3) -DDA_VARIANT_$(3)=1 -MMD -MP -c $$< -o $$@

endef
$(eval $(call objects,$(BUILD)/obj))

# The commit and the flags are told to one file, which a new commit compiles again.
COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
$(BUILD)/.commit: FORCE
	@mkdir -p $(@D); echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' > $@
$(BUILD)/obj/deeparc/cli/build.o: $(BUILD)/.commit
$(BUILD)/obj/deeparc/cli/build.o: COMPILE += -DDEEPARC_COMMIT='"$(COMMIT)"' \
  -DDEEPARC_FLAGS='"$(strip $(filter-out -W% -I%,$(FLAGS_NOW)))"'

$(BUILD)/libdeeparc.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^

# The commands without main: what tests and fuzzers call.
$(BUILD)/libcli.a: $(filter-out %/main.o,$(PROG_OBJ))
	@rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^

$(BUILD)/deeparc: $(BUILD)/obj/deeparc/cli/main.o $(BUILD)/libcli.a $(BUILD)/libdeeparc.a
	$(call say,LD,$@)$(LINK) $^ $(LIBS) -o $@

# The shared library, of objects of its own: it shows names that begin with da_ and no others. A version 0.x promises no
# later one the same layout of structs, so the name that programs are bound to ends with both numbers.
VERSION := $(shell sed -n 's/^.define DA_VERSION "\(.*\)"/\1/p' core/api.h)
SERIES  := $(basename $(VERSION))
PIC     := $(BUILD)/pic
ifneq ($(filter __APPLE__,$(MACROS)),)
SHARED      := libdeeparc.$(VERSION).dylib
SHARED_NAME := libdeeparc.$(SERIES).dylib
SHARED_LINK := libdeeparc.dylib
SHOWN       := _da_*
SHARE        = -dynamiclib -install_name '$(LIBDIR)/$(SHARED_NAME)' -exported_symbols_list $(PIC)/shown
else
SHARED      := libdeeparc.so.$(VERSION)
SHARED_NAME := libdeeparc.so.$(SERIES)
SHARED_LINK := libdeeparc.so
SHOWN       := { global: da_*; local: *; };
SHARE        = -shared -Wl,-soname,$(SHARED_NAME) -Wl,--version-script=$(PIC)/shown
endif
$(eval $(call objects,$(PIC),-fPIC))
$(PIC)/$(SHARED): $(LIB_OBJ:$(BUILD)/obj/%=$(PIC)/%)
	@echo '$(SHOWN)' > $(PIC)/shown
	$(call say,LD,$@)$(LINK) -fPIC $(SHARE) $^ $(LIBS) -o $@
lib: $(BUILD)/libdeeparc.a $(PIC)/$(SHARED)

# Installation. The public headers are those that deeparc/deeparc.h includes; DESTDIR is put before every path.
PREFIX     := /usr/local
DESTDIR    :=
BINDIR     := $(PREFIX)/bin
LIBDIR     := $(PREFIX)/lib
INCLUDEDIR := $(PREFIX)/include
MANDIR     := $(PREFIX)/share/man
STRIP      := strip
HEADERS     = $(filter %.h,$(shell $(CC) -std=c11 -I. -MM deeparc/deeparc.h))
INSTALLED   = '$(BINDIR)/deeparc' '$(MANDIR)/man1/deeparc.1' '$(LIBDIR)/libdeeparc.a' '$(LIBDIR)/$(SHARED)' \
              '$(LIBDIR)/$(SHARED_NAME)' '$(LIBDIR)/$(SHARED_LINK)' '$(LIBDIR)/pkgconfig/deeparc.pc' '$(INCLUDEDIR)/deeparc'
install: all lib
	@sh deeparc/cli/manual.sh $(BUILD)/deeparc > $(BUILD)/deeparc.1
	@to='$(DESTDIR)$(INCLUDEDIR)/deeparc'; for h in $(HEADERS); do \
	  install -d "$$to/$$(dirname $$h)" && install -m 644 $$h "$$to/$$h" || exit 1; done
	@install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(MANDIR)/man1'
	@install -m 755 $(BUILD)/deeparc '$(DESTDIR)$(BINDIR)/deeparc' && $(STRIP) '$(DESTDIR)$(BINDIR)/deeparc'
	@install -m 644 $(BUILD)/deeparc.1 '$(DESTDIR)$(MANDIR)/man1/deeparc.1'
	@install -m 644 $(BUILD)/libdeeparc.a $(PIC)/$(SHARED) '$(DESTDIR)$(LIBDIR)'
	@cd '$(DESTDIR)$(LIBDIR)' && $(STRIP) -S libdeeparc.a && $(STRIP) -S -x $(SHARED) && \
	  ln -sf $(SHARED) $(SHARED_NAME) && ln -sf $(SHARED_NAME) $(SHARED_LINK)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' \
	  'includedir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR))/deeparc' '' 'Name: deeparc' \
	  'Description: deep learning with the same bits everywhere, and semantic modules' 'Version: $(VERSION)' \
	  'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -ldeeparc' 'Libs.private: $(filter -fopenmp -pthread,$(OMP)) -lm' \
	  > '$(DESTDIR)$(LIBDIR)/pkgconfig/deeparc.pc'
	@echo "deeparc $(VERSION) is installed in '$(DESTDIR)$(PREFIX)'"
uninstall:
	@for f in $(INSTALLED); do rm -rf "$(DESTDIR)$$f"; done

$(BUILD)/unit: $(TEST_OBJ) $(BUILD)/libcli.a $(BUILD)/libdeeparc.a
	$(call say,LD,$@)$(LINK) $^ $(LIBS) -o $@

# Tests. The sanitizers' builds live in folders of their own and run the same tests; `sanitized` has both and runs the
# light ones.
test: all $(BUILD)/unit
	@sh tests/run.sh $(BUILD)
light: all $(BUILD)/unit
	@sh tests/run.sh $(BUILD) light

asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE=address O=-O1 test
ubsan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/ubsan SANITIZE=undefined O=-O1 test
# Races: threads that come first at once, each test in a process of its own, then all that has threads in it.
tsan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SANITIZE=thread O=-O1 $(BUILD)/tsan/unit
	@for tests in come_first parallel kernels graph optimizer; do $(BUILD)/tsan/unit $$tests || exit 1; done
sanitized:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitized SANITIZE=address,undefined O=-O1 light

# Small pieces everywhere, and memory without meaning holds signalling NaNs (core/tiny.h): the same results and bits.
tiny:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tiny TINY=1 O=-O1 $(BUILD)/tiny/unit $(BUILD)/tiny/deeparc
	@$(BUILD)/tiny/unit
	@BITS=few DEEPARC=$(BUILD)/tiny/deeparc BUILD=$(BUILD)/tiny sh tests/commands/bits.sh

# Speed, in about two minutes: every kernel, then networks in training and inference.
BENCH_MODELS := mlp lenet smallcnn resnet20
bench: all
	@$(BUILD)/deeparc bench
	@for m in $(BENCH_MODELS); do for mode in train infer; do \
	  echo && $(BUILD)/deeparc bench --model $$m --mode $$mode --seconds 3 --quiet || exit 1; done; done

real-data-test: all
	@sh tests/real-data.sh $(BUILD)/deeparc

bits-test:
	+@sh tests/bits.sh

# tests/README.md says what each part takes.
nightly: test tiny
	+@sh tests/bits.sh
	+@sh tests/platforms.sh
	@sh tests/real-data.sh $(BUILD)/deeparc
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory ubsan CC=clang
	@$(MAKE) --no-print-directory tsan
	@$(MAKE) --no-print-directory fuzz SECONDS_EACH=600

# How training would scale on more cores than this machine has: tests/bench/SCALING.md.
$(BUILD)/scaling: $(BUILD)/obj/tests/bench/scaling.o $(BUILD)/libdeeparc.a
	$(call say,LD,$@)$(LINK) $^ $(LIBS) -o $@
scaling: $(BUILD)/scaling
	@$(BUILD)/scaling

# Fuzzing: everything built with clang's coverage and sanitizers, one program a reader; they run side by side.
FUZZERS      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SECONDS_EACH := 30
$(FUZZERS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libcli.a $(BUILD)/libdeeparc.a
	$(LINK) -fsanitize=fuzzer $^ $(LIBS) -o $@
$(FUZZERS:%=run-%): run-%: $(BUILD)/%
	@sh tests/fuzz/run.sh $< $(SECONDS_EACH)
fuzz:
	@$(MAKE) --no-print-directory -s BUILD=$(BUILD)/fuzz CC=clang O=-O1 OPENMP=0 \
	  SANITIZE=fuzzer-no-link,address,undefined,float-cast-overflow $(FUZZERS:%=run-%)

# The whole story on real digits: train, measure, cut into modules, prune, repair, report.
mnist-demo: all
	@sh deeparc/experiments/mnist-demo.sh $(BUILD) $(DATA)

# How modular are networks? A grid of them is trained and measured, beside what was published.
SCALE := smoke
rq1: all
	@sh deeparc/experiments/rq1.sh $(BUILD) $(SCALE) $(DATA)

# RQ2: removal and repetition of blocks, inside modules and outside. MODEL=FILE takes a network instead of training one.
rq2: all
	@sh deeparc/experiments/rq2.sh $(BUILD) $(SCALE)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj $(PIC) -name '*.d' 2>/dev/null)
