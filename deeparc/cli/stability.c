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
    cli_names list = { 0 };
    DA_TRY(cli_names_split(r->c, &list, "thresholds"));
    da_status status = list.count <= MOST_THRESHOLDS
        ? DA_OK : cli_usage(r->c, "--thresholds lists %d of at most %d", list.count, MOST_THRESHOLDS);
    for (int i = 0; i < list.count && status == DA_OK; i++) {
        double value;
        if (!da_number_parse(list.items[i], strlen(list.items[i]), &value) || !(value >= 0 && value <= 1))
            status = cli_usage(r->c, "--thresholds are numbers from 0 to 1, not '%s'", list.items[i]);
        else r->rows[r->row_count++].threshold = value;
    }
    cli_names_free(&list);
    return status;
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
            return DA_FAIL(DA_ERROR_SHAPE, "'%s' is of %d layers, '%s' of %d: modules agree or not in one network",
                           r->c->arguments[i], layers, r->c->arguments[0], r->layers);
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

static void put_spread(da_json_writer *to, const char *key, const da_pair_spread *s) {
    da_json_key(to, key);
    da_json_begin_object(to);
    record_real(to, "mean", s->mean);
    record_real(to, "deviation", s->deviation);
    record_real(to, "least", s->least);
    da_json_end(to);
}

static void members(const void *context, da_json_writer *to) {
    const result *r = context;
    record_texts(to, "matrices", r->c->arguments, r->count);
    record_int(to, "layers", r->layers);
    record_text(to, "linkage", cli_text(r->c, "linkage"));
    record_int(to, "pairs", r->rows[0].stability.pairs);
    da_json_key(to, "thresholds");
    da_json_begin_array(to);
    for (int i = 0; i < r->row_count; i++) {
        const row *at = &r->rows[i];
        da_json_begin_object(to);
        record_real(to, "threshold", at->threshold);
        record_real(to, "modules", at->modules);
        record_real(to, "modules_deviation", at->deviation);
        put_spread(to, "adjusted_rand", &at->stability.rand);
        put_spread(to, "boundaries", &at->stability.boundaries);
        da_json_end(to);
    }
    da_json_end(to);
}

static void print(const result *r) {
    char text[2][CLI_CELL];
    int pairs = r->rows[0].stability.pairs;
    cli_print(r->c, "%s of %s, linkage %s: %s\n\n", da_count(r->count, "matrix").text,
              da_count(r->layers, "layer").text, cli_text(r->c, "linkage"), da_count(pairs, "pair").text);
    cli_print(r->c, "%9s   %-14s   %-26s   %s\n", "", "modules", "adjusted Rand index", "boundaries in common");
    cli_print(r->c, "%9s   %6s %7s   %8s %8s %8s   %8s %8s %8s\n", "threshold", "mean", "sd",
              "mean", "sd", "least", "mean", "sd", "least");
    for (int i = 0; i < r->row_count; i++) {
        const row *at = &r->rows[i];
        const da_pair_spread *a = &at->stability.rand, *b = &at->stability.boundaries;
        cli_print(r->c, "%9g   %6.1f %7.2f   %8.3f %8s %8.3f   %8.3f %8s %8.3f\n", at->threshold, at->modules,
                  at->deviation, a->mean, cli_cell(text[0], a->deviation, 3), a->least,
                  b->mean, cli_cell(text[1], b->deviation, 3), b->least);
    }
}

static da_status run(result *r) {
    DA_TRY(take_thresholds(r));
    DA_TRY(read_matrices(r));
    for (int i = 0; i < r->row_count; i++) DA_TRY(compare(r, &r->rows[i]));
    cli_aside(r->c, record_write(r->c, members, r));
    print(r);
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
