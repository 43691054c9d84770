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
#   make nightly           what takes hours and seldom changes: every build's bits, real data in full, fuzzing
# Options: CC=gcc|clang   OPENMP=1|0 (threads of OpenMP, or none)   O=-O3 (optimisation)   DEBUG=-g1 (-g: for a debugger)   SANITIZE=address,undefined|thread   WERROR=1   BUILD=build
#   V=1 (shows whole lines)
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
BUILD   := build
OPENMP  :=
O       := -O3
DEBUG   := -g1
PYTHON  := python3

# Compiles on all processors, also where nobody says -j.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
endif

TARGET  := $(shell $(CC) -dumpmachine)
# Threads: our own (POSIX, part of libc); OPENMP=1: OpenMP's instead; OPENMP=0: none, every loop is serial.
OMP := $(if $(filter 1,$(OPENMP)),-fopenmp,$(if $(filter 0,$(OPENMP)),,-pthread -DDA_OWN_THREADS))

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
           -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wdouble-promotion -Wnull-dereference $(if $(WERROR),-Werror)
CFLAGS  := -std=c11 -D_POSIX_C_SOURCE=200809L $(if $(TINY),-DDA_TINY) $(DEBUG) $(O) -ffp-contract=off -fno-math-errno $(WARN) $(OMP) -I. -MMD -MP \
           $(if $(SANITIZE),-DDA_SANITIZED $(if $(findstring clang,$(CC)),,-fno-var-tracking-assignments) -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
LDFLAGS := $(filter -fopenmp -pthread,$(OMP)) $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LDLIBS  := -lm

# Kernels: core/kernels/fast_*.c are compiled once for every instruction set; the program chooses at start-up.
VARIANTS       := portable $(if $(filter x86_64-%,$(TARGET)),avx2 avx512) $(if $(filter aarch64-%,$(TARGET)),neon)
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

.PHONY: all test tiny light asan ubsan tsan sanitized nightly bench real-data-test bits-test scaling fuzz mnist-demo rq1 rq2 clean FORCE
.DELETE_ON_ERROR:
all: $(BUILD)/deeparc

# What a line does, "CC core/graph.c", instead of the line: V=1 shows the line, -s neither.
SILENT := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(V),,@$(if $(SILENT),,echo ' $1 $2' && ))

# A change of compiler or flags rebuilds everything: the stamp holds them. Half a second a file is what a processor takes.
STAMP := $(BUILD)/.flags
FLAGS_NOW := $(CC) $(CFLAGS) $(LDFLAGS)
$(STAMP): FORCE
	@mkdir -p $(@D); echo '$(FLAGS_NOW)' | cmp -s - $@ || { echo '$(FLAGS_NOW)' > $@; \
	  $(if $(SILENT),,n=$(words $(LIB_OBJ) $(PROG_OBJ)) cpus=$$(getconf _NPROCESSORS_ONLN || echo 1); \
	  echo "Compiling $$n files on $$cpus processors takes about $$(((n / 2 / cpus + 9) / 10 * 10)) seconds, this once.";) }

$(BUILD)/obj/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CFLAGS) -c $< -o $@

# The commit and the flags are told to one file, which a new commit compiles again.
COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
$(BUILD)/.commit: FORCE
	@mkdir -p $(@D); echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' > $@
$(BUILD)/obj/deeparc/cli/build.o: $(BUILD)/.commit
$(BUILD)/obj/deeparc/cli/build.o: CFLAGS += -DDEEPARC_COMMIT='"$(COMMIT)"' \
  -DDEEPARC_FLAGS='"$(strip $(filter-out -W% -M% -I%,$(FLAGS_NOW)))"'

define variant_rule
$(BUILD)/obj/%.$(1).o: %.c $(STAMP)
	@mkdir -p $$(@D)
	$$(call say,CC,$$< for $(1))$(CC) $(CFLAGS) $(FLAGS_$(1)) -DDA_VARIANT_NAME=$(1) -DDA_VARIANT_$(1)=1 -c $$< -o $$@
endef
$(foreach v,$(VARIANTS),$(eval $(call variant_rule,$(v))))

$(BUILD)/libdeeparc.a: $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

# The commands without main: what tests and fuzzers call.
$(BUILD)/libcli.a: $(filter-out %/main.o,$(PROG_OBJ))
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

$(BUILD)/deeparc: $(BUILD)/obj/deeparc/cli/main.o $(BUILD)/libcli.a $(BUILD)/libdeeparc.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/unit: $(TEST_OBJ) $(BUILD)/libcli.a $(BUILD)/libdeeparc.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

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
	@sh tests/real-data.sh $(BUILD)/deeparc
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory ubsan CC=clang
	@$(MAKE) --no-print-directory tsan
	@$(MAKE) --no-print-directory fuzz SECONDS_EACH=600

# How training would scale on more cores than this machine has: tests/bench/SCALING.md.
$(BUILD)/scaling: $(BUILD)/obj/tests/bench/scaling.o $(BUILD)/libdeeparc.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@
scaling: $(BUILD)/scaling
	@$(BUILD)/scaling

# Fuzzing: everything built with clang's coverage and sanitizers, one program a reader; they run side by side.
FUZZERS      := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SECONDS_EACH := 30
$(FUZZERS:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/libcli.a $(BUILD)/libdeeparc.a
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@
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

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
