/* Algorithm 1: the three readings, half-open ranges, the measures, and matrices that are none. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/random.h"
#include "deeparc/partition.h"

#include <stdio.h>

enum { LAYERS = 6 };

/* Neighbours are similar; similarity fades with distance, faster after layer 3. */
static const double chain[LAYERS * LAYERS] = {
    1.00, 0.98, 0.96, 0.50, 0.40, 0.30,
    0.98, 1.00, 0.97, 0.60, 0.50, 0.40,
    0.96, 0.97, 1.00, 0.70, 0.60, 0.50,
    0.50, 0.60, 0.70, 1.00, 0.96, 0.80,
    0.40, 0.50, 0.60, 0.96, 1.00, 0.96,
    0.30, 0.40, 0.50, 0.80, 0.96, 1.00,
};

/* "0-3 3-6" for the modules [0,3) [3,6). */
static const char *modules_of(const double *matrix, int layers, double threshold, da_linkage linkage) {
    static char text[256];
    da_partition p = { 0 };
    size_t used = 0;
    text[0] = '\0';
    CHECK_OK(da_partition_extract(matrix, layers, threshold, linkage, &p));
    for (int m = 0; m < p.modules; m++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d-%d", m ? " " : "", p.module[m].begin,
                                 p.module[m].end);
    da_partition_free(&p);
    CHECK(p.module == NULL);
    return text;
}

TEST(partition_reads_the_threshold_in_three_ways) {
    CHECK_TEXT(modules_of(chain, LAYERS, 0.95, DA_LINKAGE_ADJACENT), "0-3 3-6");
    CHECK_TEXT(modules_of(chain, LAYERS, 0.95, DA_LINKAGE_MEAN), "0-3 3-5 5-6"); /* (.96 + .80 + .96) / 3 < .95 */
    CHECK_TEXT(modules_of(chain, LAYERS, 0.90, DA_LINKAGE_MEAN), "0-3 3-6");
    CHECK_TEXT(modules_of(chain, LAYERS, 0.90, DA_LINKAGE_MIN), "0-3 3-5 5-6");
    CHECK_TEXT(modules_of(chain, LAYERS, 0.965, DA_LINKAGE_MIN), "0-2 2-3 3-4 4-5 5-6");
    CHECK_TEXT(modules_of(chain, LAYERS, 0.69, DA_LINKAGE_ADJACENT), "0-6"); /* the chain hides that 0 and 5 differ */
}

TEST(partition_meets_the_threshold_exactly) {
    CHECK_TEXT(modules_of(chain, LAYERS, 0.96, DA_LINKAGE_ADJACENT), "0-3 3-4 4-5 5-6"); /* more than the threshold */
    CHECK_TEXT(modules_of(chain, LAYERS, 0.96, DA_LINKAGE_MIN), "0-3 3-5 5-6");          /* at least */
    static const double even[9] = { 1, 0.95, 0.95, 0.95, 1, 0.95, 0.95, 0.95, 1 };
    CHECK_TEXT(modules_of(even, 3, 0.95, DA_LINKAGE_MEAN), "0-3"); /* whatever three .95 round to */
    CHECK_TEXT(modules_of(even, 3, 1, DA_LINKAGE_MEAN), "0-1 1-2 2-3");
    CHECK_TEXT(modules_of(even, 3, 0, DA_LINKAGE_MIN), "0-3");
}

TEST(partition_ends_at_the_last_layer) {
    static const double one = 1;
    CHECK_TEXT(modules_of(&one, 1, 0.95, DA_LINKAGE_ADJACENT), "0-1");
    static const double alone[4] = { 1, 0.2, 0.2, 1 }, pair[4] = { 1, 0.99, 0.99, 1 }, opposed[4] = { 1, -1, -1, 1 };
    CHECK_TEXT(modules_of(alone, 2, 0.95, DA_LINKAGE_MEAN), "0-1 1-2");
    CHECK_TEXT(modules_of(pair, 2, 0.95, DA_LINKAGE_MIN), "0-2");
    CHECK_TEXT(modules_of(opposed, 2, 0, DA_LINKAGE_ADJACENT), "0-1 1-2");
}

TEST(partition_lower_threshold_never_splits_more_with_adjacent) {
    int before = LAYERS + 1;
    for (int t = 100; t >= 0; t--) {
        da_partition p = { 0 };
        CHECK_OK(da_partition_extract(chain, LAYERS, t / 100.0, DA_LINKAGE_ADJACENT, &p));
        CHECK(p.modules <= before);
        before = p.modules;
        da_partition_free(&p);
    }
    CHECK_INT(before, 1);
}

/* ---- Any matrix ---- */

enum { LARGEST = 24, MATRICES = 3000 };

/* Symmetric, a diagonal of 1, and entries from a lattice of .05, so that many of them meet a threshold exactly. */
static int draw_matrix(double *matrix, int k) {
    uint64_t stream = da_stream(DA_RANDOM_TEST, 40), index = (uint64_t)k * 1024;
    int layers = 1 + (int)da_random_below(7, stream, index++, LARGEST);
    for (int i = 0; i < layers; i++)
        for (int j = 0; j <= i; j++) {
            double value = (20 - (int)da_random_below(7, stream, index++, k % 2 ? 4 : 9)) / 20.0;
            matrix[i * layers + j] = matrix[j * layers + i] = i == j ? 1 : value;
        }
    return layers;
}

/* Smallest and mean similarity over all pairs of layers begin..end-1; 1 where there is no pair. */
static void judge_pairs(const double *matrix, int layers, int begin, int end, double *least, double *mean) {
    double sum = 0;
    int pairs = 0;
    *least = 1;
    for (int i = begin; i < end; i++)
        for (int j = i + 1; j < end; j++, pairs++) {
            sum += matrix[i * layers + j];
            *least = fmin(*least, matrix[i * layers + j]);
        }
    *mean = pairs > 0 ? sum / pairs : 1;
}

static void check_ranges(const da_partition *p, int layers) {
    CHECK_INT(p->layers, layers);
    CHECK_INT(p->module[0].begin, 0);
    CHECK_INT(p->module[p->modules - 1].end, layers); /* half-open, also the last */
    for (int m = 0; m < p->modules; m++) {
        CHECK(p->module[m].begin < p->module[m].end);
        if (m > 0) CHECK_INT(p->module[m].begin, p->module[m - 1].end);
    }
}

/* The published code: a new module begins at layer i unless sim[i-1][i] > t. */
static void check_adjacent(const da_partition *p, const double *matrix, double threshold) {
    for (int i = 1; i < p->layers; i++) {
        bool together = da_partition_module_of(p, i) == da_partition_module_of(p, i - 1);
        CHECK(together == (matrix[(i - 1) * p->layers + i] > threshold));
    }
}

/* Every module reaches the threshold, and none would with the layer behind it. */
static void check_pairs(const da_partition *p, const double *matrix, double threshold, bool smallest) {
    double least, mean;
    for (int m = 0; m < p->modules; m++) {
        da_module_range r = p->module[m];
        judge_pairs(matrix, p->layers, r.begin, r.end, &least, &mean);
        if (r.end - r.begin > 1) CHECK(smallest ? least >= threshold : mean >= threshold - 1e-9);
        if (r.end == p->layers) continue;
        judge_pairs(matrix, p->layers, r.begin, r.end + 1, &least, &mean);
        CHECK(smallest ? least < threshold : mean < threshold + 1e-9);
    }
}

TEST(partition_of_any_matrix_holds_what_its_linkage_promises) {
    double matrix[LARGEST * LARGEST];
    for (int k = 0; k < MATRICES && !test_failed(); k++) {
        int layers = draw_matrix(matrix, k);
        double threshold = (12 + k % 9) / 20.0;
        for (int l = DA_LINKAGE_ADJACENT; l <= DA_LINKAGE_MIN; l++) {
            da_partition p = { 0 };
            CHECK_OK(da_partition_extract(matrix, layers, threshold, (da_linkage)l, &p));
            if (!p.module) return;
            check_ranges(&p, layers);
            if (l == DA_LINKAGE_ADJACENT) check_adjacent(&p, matrix, threshold);
            else check_pairs(&p, matrix, threshold, l == DA_LINKAGE_MIN);
            da_partition_free(&p);
        }
    }
}

TEST(partition_measures_modularity) {
    da_module_range ranges[] = { { 0, 3 }, { 3, 4 }, { 4, 6 }, { 6, 7 } };
    da_partition p = { 7, 4, ranges };
    da_modularity m = da_partition_modularity(&p);
    CHECK_CLOSE(m.ratio, 3.0 / 7, 1e-15);
    CHECK_CLOSE(m.paper, 4.0 / 8, 1e-15);
    CHECK_CLOSE(m.coverage, 5.0 / 7, 1e-15);
    CHECK_INT(da_partition_module_of(&p, 2), 0);
    CHECK_INT(da_partition_module_of(&p, 3), 1);
    CHECK_INT(da_partition_module_of(&p, 6), 3);
    CHECK_INT(da_partition_module_of(&p, 7), -1);
    CHECK(da_partition_is_alone(&p, 1) && !da_partition_is_alone(&p, 2));
}

TEST(partition_refuses_bad_thresholds_and_matrices) {
    da_partition p = { 0 };
    double m[4] = { 1, 0.5, 0.5, 1 };
    CHECK_FAILS(da_partition_extract(m, 2, 2, DA_LINKAGE_ADJACENT, &p), DA_ERROR_ARGUMENT, "threshold 2:");
    CHECK_FAILS(da_partition_extract(m, 2, -0.1, DA_LINKAGE_ADJACENT, &p), DA_ERROR_ARGUMENT, "0..1");
    CHECK_FAILS(da_partition_extract(m, 2, (double)NAN, DA_LINKAGE_ADJACENT, &p), DA_ERROR_ARGUMENT, "0..1");
    CHECK_FAILS(da_partition_extract(m, 0, 0.9, DA_LINKAGE_ADJACENT, &p), DA_ERROR_ARGUMENT, "at least 1");
    m[1] = (double)NAN;
    CHECK_FAILS(da_partition_extract(m, 2, 0.9, DA_LINKAGE_MIN, &p), DA_ERROR_NUMERIC, "(0, 1)");
    m[1] = 0.6;
    CHECK_FAILS(da_partition_extract(m, 2, 0.9, DA_LINKAGE_MIN, &p), DA_ERROR_NUMERIC, "symmetric");
    m[1] = m[2] = 1.5;
    CHECK_FAILS(da_partition_extract(m, 2, 0.9, DA_LINKAGE_MIN, &p), DA_ERROR_NUMERIC, "-1..1");
    m[1] = m[2] = 0.5;
    m[3] = 0.9;
    CHECK_FAILS(da_partition_extract(m, 2, 0.9, DA_LINKAGE_MIN, &p), DA_ERROR_NUMERIC, "(1, 1)");
    m[3] = 0.9999; /* four decimals of a file */
    CHECK_OK(da_partition_extract(m, 2, 0.9, DA_LINKAGE_MIN, &p));
    da_partition_free(&p);
}

TEST(partition_keeps_its_output_when_memory_is_short) {
    da_partition p = { 0 };
    da_memory_fail_after(0);
    CHECK_FAILS(da_partition_extract(chain, LAYERS, 0.9, DA_LINKAGE_MIN, &p), DA_ERROR_MEMORY, "out of memory");
    da_memory_fail_after(-1);
    CHECK(p.layers == 0 && p.module == NULL);
}

TEST(linkage_names_are_read_back) {
    da_linkage linkage = DA_LINKAGE_ADJACENT;
    for (int l = DA_LINKAGE_ADJACENT; l <= DA_LINKAGE_MIN; l++) {
        CHECK_OK(da_linkage_parse(&linkage, da_linkage_name((da_linkage)l)));
        CHECK_INT(linkage, l);
    }
    CHECK_FAILS(da_linkage_parse(&linkage, "median"), DA_ERROR_ARGUMENT, "'median' is unknown: adjacent, mean or min");
}
