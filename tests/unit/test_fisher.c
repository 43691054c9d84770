/* Fisher's segmentation against the search of all segmentations, its automatic choice, and misuse. */
#include "tests/unit/test.h"
#include "core/memory.h"
#include "core/random.h"
#include "deeparc/fisher.h"

#include <stdio.h>

enum { MOST = 9 };

/* Symmetric, a diagonal of 1, the rest uniform in [low, 1). */
static void draw_matrix(double *matrix, int layers, uint64_t which, double low) {
    uint64_t index = 0;
    for (int i = 0; i < layers; i++)
        for (int j = i; j < layers; j++) {
            double u = (double)da_random_uniform(11, da_stream(DA_RANDOM_TEST, which), index++);
            matrix[i * layers + j] = matrix[j * layers + i] = i == j ? 1 : low + (1 - low) * u;
        }
}

/* Layers a..b-1 alike, others not. */
static void draw_blocks(double *matrix, int layers, const int *begins, int blocks) {
    for (int i = 0; i < layers; i++)
        for (int j = 0; j < layers; j++) {
            int of_i = 0, of_j = 0;
            for (int k = 0; k < blocks; k++) {
                of_i += i >= begins[k];
                of_j += j >= begins[k];
            }
            matrix[i * layers + j] = of_i == of_j ? 1 : 0.1;
        }
}

/* The cost of cutting before every layer whose bit is set, in two plain passes. */
static double cost_of(const double *matrix, int layers, unsigned cuts) {
    double cost = 0;
    for (int begin = 0, end; begin < layers; begin = end) {
        double mean = 0;
        for (end = begin + 1; end < layers && !(cuts >> end & 1); end++) continue;
        for (int pass = 0; pass < 2; pass++)
            for (int j = begin; j < end; j++) {
                double s = 0;
                for (int i = 0; i < layers; i++) s += matrix[i * layers + j];
                if (pass == 0) mean += s / (end - begin);
                else cost += (s - mean) * (s - mean);
            }
    }
    return cost;
}

static int count_bits(unsigned bits) {
    int count = 0;
    for (; bits; bits &= bits - 1) count++;
    return count;
}

TEST(fisher_finds_the_best_of_all_segmentations) {
    double matrix[MOST * MOST];
    for (int layers = 1; layers <= MOST; layers++) {
        da_fisher f = { 0 };
        draw_matrix(matrix, layers, (uint64_t)layers, -1);
        CHECK_OK(da_fisher_solve(matrix, layers, &f));
        for (int k = 1; k <= layers; k++) {
            double least = HUGE_VAL;
            unsigned cuts = 0;
            da_partition p = { 0 };
            for (unsigned c = 0; c < 1u << layers; c += 2) /* bit 0 is no cut */
                if (count_bits(c) == k - 1) least = fmin(least, cost_of(matrix, layers, c));
            CHECK_CLOSE(f.cost[k - 1], least, 1e-12);
            CHECK_OK(da_fisher_partition(&f, k, &p));
            CHECK_INT(p.modules, k);
            CHECK(p.module[0].begin == 0 && p.module[k - 1].end == layers);
            for (int m = 0; m < k; m++) {
                CHECK(p.module[m].begin < p.module[m].end && (m == 0 || p.module[m].begin == p.module[m - 1].end));
                if (m > 0) cuts |= 1u << p.module[m].begin;
            }
            CHECK_CLOSE(cost_of(matrix, layers, cuts), least, 1e-12);
            CHECK(k == 1 || f.cost[k - 1] <= f.cost[k - 2]);
            da_partition_free(&p);
        }
        da_fisher_free(&f);
    }
}

TEST(fisher_chooses_the_blocks_that_there_are) {
    static const int begins[] = { 0, 4, 5, 9 };
    double matrix[12 * 12];
    da_fisher f = { 0 };
    da_partition p = { 0 };
    draw_blocks(matrix, 12, begins, 4); /* column sums: 4.8, 1.9, 4.8, 3.9 */
    CHECK_OK(da_fisher_solve(matrix, 12, &f));
    CHECK_INT(f.elbow, 4);
    CHECK_CLOSE(da_fisher_explained(&f, 4), 1, 1e-12);
    CHECK_OK(da_fisher_partition(&f, 0, &p));
    for (int m = 0; m < 4; m++) CHECK_INT(p.module[m].begin, begins[m]);
    da_partition_free(&p);
    da_fisher_free(&f);
}

TEST(fisher_does_not_cut_what_is_even) {
    double matrix[25];
    da_fisher f = { 0 };
    for (int layers = 1; layers <= 5; layers++) {
        for (int i = 0; i < layers * layers; i++) matrix[i] = i % (layers + 1) == 0 ? 1 : 0.7;
        CHECK_OK(da_fisher_solve(matrix, layers, &f));
        CHECK_INT(f.elbow, 1);
        CHECK(da_fisher_explained(&f, 1) >= 0);
        da_fisher_free(&f);
    }
}

TEST(fisher_refuses_what_makes_no_sense) {
    double matrix[4] = { 1, 0.5, 0.6, 1 };
    da_fisher f = { 0 };
    da_partition p = { 0 };
    CHECK_FAILS(da_fisher_solve(matrix, 2, &f), DA_ERROR_NUMERIC, "symmetric");
    CHECK_FAILS(da_fisher_solve(matrix, 0, &f), DA_ERROR_ARGUMENT, "at least 1");
    CHECK(f.series == NULL);
    matrix[2] = 0.5;
    for (int64_t k = 0;; k++) {
        da_memory_fail_after(k);
        da_status status = da_fisher_solve(matrix, 2, &f);
        da_memory_fail_after(-1);
        if (status == DA_OK) break;
        CHECK_INT(status, DA_ERROR_MEMORY);
        CHECK(f.series == NULL);
    }
    CHECK_FAILS(da_fisher_partition(&f, 3, &p), DA_ERROR_ARGUMENT, "3 modules of 2 layers: 1 to 2");
    CHECK_FAILS(da_fisher_partition(&f, -1, &p), DA_ERROR_ARGUMENT, "1 to 2");
    da_memory_fail_after(0);
    CHECK_FAILS(da_fisher_partition(&f, 2, &p), DA_ERROR_MEMORY, "");
    da_memory_fail_after(-1);
    da_fisher_free(&f);
}

/* Algorithm 1 on random matrices: what `min` promises of every pair, and `mean` of every module. */
TEST(partition_min_never_joins_a_pair_below_the_threshold) {
    double matrix[MOST * MOST];
    for (uint64_t which = 0; which < 400; which++) {
        int layers = 1 + (int)(which % MOST);
        double threshold = 0.1 * (double)(which % 10), low = which % 2 ? -0.5 : 0.6;
        draw_matrix(matrix, layers, 100 + which, low);
        for (int l = DA_LINKAGE_ADJACENT; l <= DA_LINKAGE_MIN; l++) {
            da_partition p = { 0 };
            CHECK_OK(da_partition_extract(matrix, layers, threshold, (da_linkage)l, &p));
            CHECK(p.module[0].begin == 0 && p.module[p.modules - 1].end == layers);
            for (int m = 0; m < p.modules; m++) {
                da_module_range r = p.module[m];
                double sum = 0, least = 1;
                int pairs = 0;
                CHECK(r.begin < r.end && (m == 0 || r.begin == p.module[m - 1].end));
                for (int i = r.begin; i < r.end; i++)
                    for (int j = i + 1; j < r.end; j++, pairs++) {
                        sum += matrix[i * layers + j];
                        least = fmin(least, matrix[i * layers + j]);
                        if (l == DA_LINKAGE_ADJACENT && j == i + 1) CHECK(matrix[i * layers + j] > threshold);
                    }
                if (l == DA_LINKAGE_MIN) CHECK(least >= threshold || pairs == 0);
                if (l == DA_LINKAGE_MEAN) CHECK(sum >= (threshold - 1e-9) * pairs);
            }
            da_partition_free(&p);
        }
    }
}

TEST(partition_counts_redundant_pairs_softly) {
    static const double matrix[9] = { 1, 0.99, 0.5, 0.99, 1, 0.9, 0.5, 0.9, 1 };
    CHECK_CLOSE(da_partition_msrs(matrix, 3, 0.9), 1.5, 1e-6); /* one above, one at the threshold, one far below */
    CHECK_CLOSE(da_partition_msrs(matrix, 3, 0), 3, 1e-6);
    CHECK_CLOSE(da_partition_msrs(matrix, 1, 0.9), 0, 0);
    CHECK_CLOSE(da_partition_msrs(matrix, 3, 0.98), (tanh(1) + 1) / 2, 1e-6);
}

TEST(partition_sees_where_a_stage_begins) {
    CHECK(da_partition_is_transition("layer1.8", "layer2.0"));
    CHECK(!da_partition_is_transition("layer1.0", "layer1.1"));
    CHECK(!da_partition_is_transition("layer1.0.conv1", "layer1.1.conv1"));
    CHECK(da_partition_is_transition("layer1.0", "layer10.0"));
    CHECK(!da_partition_is_transition("relu", "layer1.0"));
    CHECK(!da_partition_is_transition("layer3.2", "avgpool"));
}
