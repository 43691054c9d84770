/* deeparc stability: do modules of several matrices agree? Those of several seeds' models, or of parts of the data.
 *
 *     A.csv B.csv C.csv  ── Algorithm 1 at every threshold ──  partitions a, b, c  ──  agreement of (a,b) (a,c) (b,c)
 */
#include "deeparc/cli/matrix.h"
#include "deeparc/cli/record.h"
#include "deeparc/stability.h"

#include "core/memory.h"
#include "core/number.h"

#include <math.h>
#include <string.h>

enum { MOST_THRESHOLDS = 100 };

typedef struct row {
    double threshold;
    double modules, deviation; /* how many, over the matrices */
    da_stability stability;
} row;

typedef struct result {
    cli    *c;
    int     count, layers;    /* matrices; layers of each */
    double *matrices[CLI_MAX_ARGUMENTS];
    da_partition partitions[CLI_MAX_ARGUMENTS]; /* at the threshold at hand */
    int     row_count;
    row     rows[MOST_THRESHOLDS];
} result;

static da_status take_thresholds(result *r) {
    double values[MOST_THRESHOLDS];
    DA_TRY(cli_shares(r->c, "thresholds", MOST_THRESHOLDS, values, &r->row_count));
    for (int i = 0; i < r->row_count; i++) r->rows[i].threshold = values[i];
    return DA_OK;
}

static da_status read_matrices(result *r) {
    for (int i = 0; i < r->c->argument_count; i++) {
        matrix m = { 0 };
        DA_TRY(matrix_read_file(r->c->arguments[i], &m));
        r->matrices[r->count++] = m.values;
        m.values = NULL;
        if (i == 0) r->layers = m.layers;
        int layers = m.layers;
        matrix_free(&m);
        if (layers != r->layers)
            return DA_FAIL(DA_ERROR_SHAPE, "'%s' is of %s, '%s' of %d: modules agree or not in one network",
                           r->c->arguments[i], da_count(layers, "layer").text, r->c->arguments[0], r->layers);
    }
    return DA_OK;
}

static void free_partitions(result *r) {
    for (int i = 0; i < r->count; i++) da_partition_free(&r->partitions[i]);
}

static da_status compare(result *r, row *to) {
    da_linkage linkage = (da_linkage)cli_choice(r->c, "linkage");
    double square = 0;
    for (int i = 0; i < r->count; i++) {
        da_partition *p = &r->partitions[i];
        DA_TRY(da_partition_extract(r->matrices[i], r->layers, to->threshold, linkage, p));
        double before = p->modules - to->modules;
        to->modules += before / (i + 1);
        square += before * (p->modules - to->modules);
    }
    to->deviation = sqrt(square / (r->count - 1));
    da_status status = da_partition_stability(r->partitions, r->count, &to->stability);
    free_partitions(r);
    return status;
}

static void put(const result *r) {
    static const da_column columns[] = {
        { .key = "threshold", .label = "threshold" },
        { .key = "modules", .label = "modules", .format = ".1" },
        { .key = "modules_deviation", .label = "sd", .format = ".2" },
        { .key = "adjusted_rand", .label = "adjusted Rand", .format = ".3" },
        { .key = "adjusted_rand_deviation", .label = "sd", .format = ".3" },
        { .key = "adjusted_rand_least", .label = "least", .format = ".3" },
        { .key = "boundaries", .label = "boundaries in common", .format = ".3" },
        { .key = "boundaries_deviation", .label = "sd", .format = ".3" },
        { .key = "boundaries_least", .label = "least", .format = ".3" } };
    da_result *to = r->c->result;
    const char *linkage = cli_text(r->c, "linkage");
    const int pairs = r->rows[0].stability.pairs;
    da_result_words(to, "matrices", r->c->arguments, r->count);
    da_result_put(to, "layers", da_whole(r->layers));
    da_result_put(to, "linkage", da_word(linkage));
    da_result_put(to, "pairs", da_whole(pairs));
    da_result_say(to, "%s of %s, linkage %s: %s\n\n", da_count(r->count, "matrix").text,
                  da_count(r->layers, "layer").text, linkage, da_count(pairs, "pair").text);
    da_result *table = da_result_table(to, "thresholds", columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < r->row_count; i++) {
        const row *at = &r->rows[i];
        const da_pair_spread *a = &at->stability.rand, *b = &at->stability.boundaries;
        da_row(table, da_real(at->threshold), da_real(at->modules), da_real(at->deviation), da_real(a->mean),
               da_real(a->deviation), da_real(a->least), da_real(b->mean), da_real(b->deviation), da_real(b->least));
    }
}

static da_status run(result *r) {
    DA_TRY(take_thresholds(r));
    DA_TRY(read_matrices(r));
    for (int i = 0; i < r->row_count; i++) DA_TRY(compare(r, &r->rows[i]));
    put(r);
    return DA_OK;
}

static da_status stability_run(cli *c) {
    result *r = da_alloc_zero(1, sizeof *r);
    if (!r) return DA_ERROR_MEMORY;
    r->c = c;
    da_status status = run(r);
    free_partitions(r);
    for (int i = 0; i < r->count; i++) da_free(r->matrices[i]);
    da_free(r);
    return status;
}

static const cli_option options[] = {
    { .name = "thresholds", .kind = CLI_TEXT, .value = "T,...", .initial = "0.9,0.95,0.98,0.99",
      .help = "cut into modules at each of these" },
    { .name = "linkage", .kind = CLI_CHOICE, .value = "adjacent|mean|min", .initial = "adjacent",
      .help = "of neighbours, or over all pairs of a module" },
    RECORD_OPTION,
    { .name = NULL }
};

const cli_command cli_stability = {
    .name = "stability", .purpose = "tell how far the modules of several similarity matrices agree",
    .arguments = "A.csv B.csv [C.csv...]", .file = CLI_READS,
    .example = "stability seed1.csv seed2.csv seed3.csv --thresholds 0.9,0.95",
    .notes = "Matrices of one network trained from several seeds, or of parts of the data: 'similarity --part 1/2'\n"
             "and '--part 2/2'. The adjusted Rand index is 1 for equal modules and about 0 for unrelated ones;\n"
             "boundaries in common are a share of those that either has. Mean, deviation and least over all pairs;\n"
             "the deviation of one pair is unknown.",
    .options = options, .run = stability_run
};
