/* What every operation is tried on: awkward shapes (sizes of one, primes, one more or less than a vector, more than one
 * run of a parallel loop), every option, and at least one misuse, which must be refused with words that help.
 */
#include "core/check/oracle.h"

#define S0 { 0, { 0 } }
#define S1(a) { 1, { a } }
#define S2(a, b) { 2, { a, b } }
#define S3(a, b, c) { 3, { a, b, c } }
#define S4(a, b, c, d) { 4, { a, b, c, d } }

static const uint8_t labels[] = { 2, 0, 1, 2, 2, 1, 0, 0, 1, 2, 1, 1, 0, 2, 0, 1, 2 };
static const uint8_t firsts[5] = { 0 }; /* of steep numbers, the largest */

#define BINARY(name, second)                                                          \
    { name, 2, .in = { S2(7, 19), S2(7, 19) }, { DAI_NORMAL, second } },              \
    { name, 2, .in = { S0, S0 }, { DAI_NORMAL, second } },                            \
    { name, 2, .in = { S4(2, 3, 5, 17), S1(17) }, { DAI_NORMAL, second } },           \
    { name, 2, .in = { S1(5), S3(4, 1, 5) }, { DAI_NORMAL, second } },                \
    { name, 2, .in = { S3(4, 1, 3), S3(1, 6, 1) }, { DAI_NORMAL, second } },          \
    { name, 2, .in = { S2(5, 1), S0 }, { DAI_NORMAL, second } },                      \
    { name, 2, .in = { S4(3, 40, 30, 7), S4(1, 40, 1, 7) }, { DAI_NORMAL, second } }, \
    { name, 2, .in = { S2(8, 16), S2(8, 17) }, { DAI_NORMAL, second }, .fails = "8x16 and 8x17 do not broadcast" }

#define UNARY(name, kind)                          \
    { name, 1, .in = { S0 }, { kind } },           \
    { name, 1, .in = { S3(3, 5, 7) }, { kind } },  \
    { name, 1, .in = { S2(131, 257) }, { kind } }, \
    { name, 1, .in = { S1(4) }, { kind }, .bytes = true, .fails = "bytes" }

#define REDUCE(name, kind)                                                            \
    { name, 1, .in = { S1(37) }, { kind }, .options.reduce = { 0, false } },          \
    { name, 1, .in = { S2(1, 1) }, { kind }, .options.reduce = { 0, true } },         \
    { name, 1, .in = { S3(4, 5, 19) }, { kind }, .options.reduce = { 1, false } },    \
    { name, 1, .in = { S3(4, 5, 19) }, { kind }, .options.reduce = { 2, true } },     \
    { name, 1, .in = { S3(4, 5, 19) }, { kind }, .options.reduce = { 4, false } },    \
    { name, 1, .in = { S4(3, 4, 5, 6) }, { kind }, .options.reduce = { 5, true } },   \
    { name, 1, .in = { S4(3, 4, 5, 6) }, { kind }, .options.reduce = { 10, false } }, \
    { name, 1, .in = { S2(2, 20011) }, { kind }, .options.reduce = { 0, false } },    \
    { name, 1, .in = { S2(2003, 17) }, { kind }, .options.reduce = { 1, false } },    \
    { name, 1, .in = { S2(3, 4) }, { kind }, .options.reduce = { 4, false }, .fails = "axes mask 0x4" }

#define CONV(x, w, ...) { "conv2d", 2, .in = { x, w }, .options.conv2d = { __VA_ARGS__, 0 } }
#define CONV_BIAS(x, w, b, ...) { "conv2d", 3, .in = { x, w, b }, .options.conv2d = { __VA_ARGS__, 0 } }
#define POOL(name, x, ...) { name, 1, .in = { x }, { DAI_APART }, .options.pool = { __VA_ARGS__ } }
#define POOLS(name)                                                                                                   \
    POOL(name, S4(2, 4, 6, 3), 2, 2, 0), POOL(name, S4(1, 7, 5, 17), 3, 2, 1), POOL(name, S4(2, 5, 5, 1), 3, 1, 0),   \
    POOL(name, S4(1, 5, 6, 2), 2, 3, 1), POOL(name, S4(3, 3, 3, 4), 1, 2, 0), POOL(name, S4(9, 12, 12, 33), 2, 2, 0), \
    { name, 1, .in = { S2(4, 5) }, .options.pool = { 2, 2, 0 }, .fails = "4x5" },                                     \
    { name, 1, .in = { S4(1, 2, 9, 3) }, .options.pool = { 3, 1, 0 }, .fails = "window of 3x3 does not fit" },        \
    { name, 1, .in = { S4(1, 9, 9, 3) }, .options.pool = { 3, 1, 2 }, .fails = "padding at most half" },              \
    { name, 1, .in = { S4(1, 9, 9, 3) }, .options.pool = { 3, 0, 0 }, .fails = "stride at least 1" }

#define NORM(shape, affine, train) \
    { "batch_norm", affine ? 3 : 1, .in = { shape, S1(0), S1(0) }, \
      .options.batch_norm = { .training = train, .momentum = 0.1f, .epsilon = 1e-5f } }

#define CONV_NORM(inputs, x, w, y, convolution, train, rectify) \
    { "conv2d_norm", inputs, .in = { x, w, S1(0), S1(0), y }, { DAI_NORMAL, DAI_NORMAL, DAI_POSITIVE }, \
      .options.conv2d_norm = { convolution, { .training = train, .momentum = 0.1f, .epsilon = 1e-5f }, rectify } }
#define C3(a, b, c) { a, b, c, 0 }
#define WINOGRAD(tile, padding) { 1, padding, 1, tile }
#define CONV_RELU(inputs, x, w, b, convolution, pool) \
    { "conv2d_relu", inputs, .in = { x, w, b }, .options.conv2d_relu = { convolution, pool } }

const dai_oracle_case dai_oracle_cases[] = {
    BINARY("add", DAI_NORMAL), BINARY("subtract", DAI_NORMAL), BINARY("multiply", DAI_NORMAL),
    BINARY("divide", DAI_POSITIVE),

    { "scale", 1, .in = { S2(3, 7) }, .options.scale = { -1.5f, 0.25f } },
    { "scale", 1, .in = { S2(129, 257) }, .options.scale = { 0.1f, 3.0f } },
    { "scale", 1, .in = { S1(4) }, .bytes = true, .fails = "bytes" },
    UNARY("exp", DAI_NORMAL), UNARY("log", DAI_POSITIVE), UNARY("sqrt", DAI_POSITIVE),

    REDUCE("sum", DAI_NORMAL), REDUCE("mean", DAI_NORMAL), REDUCE("max", DAI_APART),
    { "mean", 1, .in = { S2(3, 0) }, .fails = "no elements" },
    { "max", 1, .in = { S2(0, 3) }, .fails = "no elements" },

    { "reshape", 1, .in = { S3(4, 6, 5) }, .options.reshape = { 2, { 8, 15 } } },
    { "reshape", 1, .in = { S3(4, 6, 5) }, .options.reshape = { 4, { 2, -1, 1, 5 } } },
    { "reshape", 1, .in = { S1(1) }, .options.reshape = { 0, { 0 } } },
    { "reshape", 1, .in = { S2(4, 6) }, .options.reshape = { 3, { INT64_MAX, 3, -1 } }, .fails = "24 elements of 4x6" },
    { "reshape", 1, .in = { S2(4, 6) }, .options.reshape = { 2, { INT64_C(1) << 33, INT64_C(1) << 33 } },
      .fails = "24 elements of 4x6" },
    { "reshape", 1, .in = { S2(4, 6) },
      .options.reshape = { 2, { 5, 5 } }, .fails = "5x5 does not hold the 24 elements of 4x6" },
    { "flatten", 1, .in = { S4(3, 2, 5, 7) } },
    { "flatten", 1, .in = { S1(3) } },
    { "flatten", 1, .in = { S0 }, .fails = "scalar" },
    { "permute", 1, .in = { S2(7, 18) }, .options.permute = { { 1, 0 } } },
    { "permute", 1, .in = { S4(2, 3, 5, 4) }, .options.permute = { { 0, 3, 1, 2 } } },
    { "permute", 1, .in = { S3(41, 33, 17) }, .options.permute = { { 2, 0, 1 } } },
    { "permute", 1, .in = { S0 } },
    { "permute", 1, .in = { S2(3, 4) }, .options.permute = { { 1, 1 } }, .fails = "every axis 0..1 must stand once" },
    { "slice", 1, .in = { S3(4, 9, 5) }, .options.slice = { 1, 2, 8, 1 } },
    { "slice", 1, .in = { S3(4, 9, 5) }, .options.slice = { 0, 1, 3, 1 } },
    { "slice", 1, .in = { S3(4, 9, 5) }, .options.slice = { 2, 0, 5, 3 } },
    { "slice", 1, .in = { S3(4, 9, 5) }, .options.slice = { 1, -4, -1, 2 } },
    { "slice", 1, .in = { S3(4, 9, 5) }, .options.slice = { 1, 3, 9, INT64_MAX } },
    { "slice", 1, .in = { S2(3, 4) }, .options.slice = { 1, INT64_MIN, INT64_MAX, 1 }, .fails = "0 <= start <= stop" },
    { "slice", 1, .in = { S2(3, 4) }, .options.slice = { 1, 2, 9, 1 }, .fails = "2:9:1 of axis 1 of 3x4" },
    { "slice", 1, .in = { S2(3, 4) },
      .options.slice = { 2, 0, 1, 1 }, .fails = "axis 2 of a tensor with 2 dimensions" },
    { "concatenate", 3, .in = { S3(2, 3, 5), S3(2, 1, 5), S3(2, 4, 5) }, .options.concatenate = { 1 } },
    { "concatenate", 2, .in = { S2(3, 5), S2(4, 5) }, .options.concatenate = { 0 } },
    { "concatenate", 2, .in = { S3(30, 40, 9), S3(30, 40, 16) }, .options.concatenate = { 2 } },
    { "concatenate", 1, .in = { S1(6) }, .options.concatenate = { 0 } },
    { "concatenate", 2, .in = { S2(3, 5), S2(4, 6) },
      .options.concatenate = { 0 }, .fails = "may differ along axis 0 only" },
    { "concatenate", 2, .in = { S2(3, 5), S2(3, 5) }, .options.concatenate = { 2 }, .fails = "axis 2" },
    { "pad", 1, .in = { S2(3, 5) }, .options.pad = { { 1, 0 }, { 2, 3 }, 0.5f } },
    { "pad", 1, .in = { S4(2, 5, 4, 3) }, .options.pad = { { 0, 1, 1, 0 }, { 0, 1, 2, 0 }, 0.0f } },
    { "pad", 1, .in = { S2(3, 5) }, .options.pad = { { 1, INT64_MAX }, { 0, 0 }, 0.0f }, .fails = "no tensor is so large" },
    { "pad", 1, .in = { S2(3, 5) }, .options.pad = { { INT64_MAX - 3, 0 }, { 0, 0 }, 0.0f }, .fails = "too large to" },
    { "pad", 1, .in = { S2(3, 5) }, .options.pad = { { 1, -1 }, { 0, 0 }, 0.0f }, .fails = "neither may be negative" },

    { "matmul", 2, .in = { S2(1, 1), S2(1, 1) } },
    { "matmul", 2, .in = { S2(7, 19), S2(19, 5) } },
    { "matmul", 2, .in = { S2(17, 33), S2(33, 47) } },
    { "matmul", 2, .in = { S3(3, 4, 6), S3(3, 6, 5) } },
    { "matmul", 2, .in = { S4(2, 3, 4, 6), S2(6, 17) } },
    { "matmul", 2, .in = { S2(70, 130), S2(130, 65) } },
    { "matmul", 2, .in = { S2(3, 4), S2(5, 6) }, .fails = "5x6" },
    { "matmul", 2, .in = { S3(2, 3, 4), S3(3, 4, 6) }, .fails = "3x4x6" },
    { "linear", 3, .in = { S2(5, 13), S2(13, 7), S1(7) } },
    { "linear", 2, .in = { S4(3, 2, 5, 4), S2(40, 33) } },
    { "linear", 3, .in = { S2(1, 1), S2(1, 1), S1(1) } },
    { "linear", 3, .in = { S2(65, 100), S2(100, 129), S1(129) } },
    { "linear", 3, .in = { S2(5, 13), S2(12, 7), S1(7) }, .fails = "13" },
    { "linear", 3, .in = { S2(5, 13), S2(13, 7), S1(6) }, .fails = "bias" },

    CONV_BIAS(S4(2, 5, 6, 3), S4(3, 3, 3, 4), S1(4), 1, 1, 1),
    CONV(S4(1, 7, 5, 4), S4(3, 3, 4, 17), 2, 1, 1),
    CONV(S4(2, 5, 5, 6), S4(3, 3, 3, 8), 1, 0, 2),
    CONV_BIAS(S4(2, 6, 7, 5), S4(3, 2, 1, 5), S1(5), 2, 2, 5),
    CONV(S4(3, 4, 4, 16), S4(1, 1, 16, 32), 2, 0, 1),
    CONV(S4(1, 9, 8, 1), S4(5, 5, 1, 20), 1, 2, 1),
    CONV(S4(1, 3, 3, 2), S4(3, 3, 2, 1), 3, 0, 1),
    CONV(S4(1, 2, 2, 3), S4(3, 3, 3, 5), 1, 2, 1),
    CONV(S4(3, 11, 13, 16), S4(3, 3, 16, 16), 1, 1, 1),
    CONV(S4(2, 9, 20, 32), S4(3, 3, 32, 48), 2, 1, 1),
    { "conv2d", 2, .in = { S4(1, 5, 5, 16), S4(3, 3, 32, 64) }, .options.conv2d = { 1, 1, 1, 0 }, .fails = "32" },
    { "conv2d", 2, .in = { S4(1, 2, 2, 3), S4(3, 3, 3, 4) }, .options.conv2d = { 1, 0, 1, 0 }, .fails = "2x2" },
    { "conv2d", 2, .in = { S4(1, 5, 5, 3), S4(3, 3, 3, 4) }, .options.conv2d = { 0, 0, 1, 0 }, .fails = "stride" },
    { "conv2d", 2, .in = { S4(1, 5, 5, 4), S4(3, 3, 2, 5) }, .options.conv2d = { 1, 0, 2, 0 }, .fails = "groups" },
    { "conv2d", 3, .in = { S4(1, 5, 5, 3), S4(3, 3, 3, 4), S1(3) }, .options.conv2d = { 1, 0, 1, 0 }, .fails = "bias" },

    { "conv2d", 2, .in = { S4(2, 7, 9, 5), S4(3, 3, 5, 18) }, .options.conv2d = { 1, 1, 1, 4 } },
    { "conv2d", 3, .in = { S4(3, 6, 5, 17), S4(3, 3, 17, 4), S1(4) }, .options.conv2d = { 1, 2, 1, 2 } },
    { "conv2d", 3, .in = { S4(9, 8, 8, 16), S4(3, 3, 16, 16), S1(16) }, .options.conv2d = { 1, 0, 1, 4 } },
    { "conv2d", 2, .in = { S4(1, 5, 5, 3), S4(3, 3, 3, 4) }, .options.conv2d = { 2, 1, 1, 4 }, .fails = "Winograd" },
    { "conv2d", 2, .in = { S4(1, 5, 5, 3), S4(1, 1, 3, 4) }, .options.conv2d = { 1, 0, 1, 2 }, .fails = "Winograd" },

    NORM(S4(3, 4, 5, 7), true, true), NORM(S4(3, 4, 5, 7), true, false), NORM(S2(9, 19), false, true),
    NORM(S2(5, 3), false, false), NORM(S4(2, 1, 3, 33), true, true), NORM(S4(20, 30, 8, 16), true, true),
    { "batch_norm", 1, .in = { S2(1, 4) },
      .options.batch_norm = { .training = true, .momentum = 0.1f, .epsilon = 1e-5f }, .fails = "1x4" },
    { "batch_norm", 3, .in = { S2(6, 4), S1(5), S1(4) },
      .options.batch_norm = { .training = true, .momentum = 0.1f, .epsilon = 1e-5f }, .fails = "5" },

    CONV_NORM(4, S4(3, 5, 4, 3), S4(3, 3, 3, 7), S0, C3(1, 1, 1), true, true),
    CONV_NORM(4, S4(3, 5, 4, 3), S4(3, 3, 3, 7), S0, C3(1, 1, 1), false, true),
    CONV_NORM(4, S4(2, 7, 6, 4), S4(1, 1, 4, 17), S0, C3(2, 0, 1), true, false),
    CONV_NORM(5, S4(3, 5, 6, 8), S4(3, 3, 8, 16), S4(3, 3, 3, 16), C3(2, 1, 1), true, true),
    CONV_NORM(5, S4(20, 3, 3, 5), S4(3, 3, 5, 33), S4(20, 3, 3, 33), C3(1, 1, 1), true, true),
    CONV_NORM(5, S4(2, 4, 4, 4), S4(3, 3, 2, 6), S4(2, 4, 4, 6), C3(1, 1, 2), false, true),
    CONV_NORM(5, S4(2, 4, 4, 4), S4(3, 3, 4, 6), S4(2, 4, 4, 6), C3(1, 1, 1), true, false),
    CONV_NORM(5, S4(3, 6, 7, 16), S4(3, 3, 16, 16), S4(3, 6, 7, 16), WINOGRAD(4, 1), true, true),
    { "conv2d_norm", 5, .in = { S4(2, 4, 4, 4), S4(3, 3, 4, 6), S1(6), S1(6), S4(2, 4, 4, 5) },
      .options.conv2d_norm = { { 1, 1, 1, 0 }, { .training = true, .momentum = 0.1f, .epsilon = 1e-5f }, true },
      .fails = "shortcut is 2x4x4x5" },
    { "conv2d_norm", 4, .in = { S4(2, 4, 4, 4), S4(3, 3, 4, 6), S1(5), S1(6) },
      .options.conv2d_norm = { { 1, 1, 1, 0 }, { .training = true, .momentum = 0.1f, .epsilon = 1e-5f }, true },
      .fails = "scale is 5" },

    CONV_RELU(3, S4(3, 8, 8, 1), S4(5, 5, 1, 6), S1(6), C3(1, 2, 1), 2),
    CONV_RELU(3, S4(2, 7, 9, 6), S4(5, 5, 6, 16), S1(16), C3(1, 0, 1), 2),
    CONV_RELU(3, S4(2, 8, 9, 3), S4(3, 3, 3, 33), S1(33), C3(1, 1, 1), 3),
    CONV_RELU(2, S4(17, 5, 4, 2), S4(3, 3, 2, 5), S0, C3(1, 1, 1), 1),
    CONV_RELU(3, S4(3, 9, 9, 4), S4(3, 3, 2, 6), S1(6), C3(2, 1, 2), 1),
    CONV_RELU(3, S4(3, 9, 8, 3), S4(3, 3, 3, 17), S1(17), WINOGRAD(4, 0), 2),
    CONV_RELU(3, S4(40, 5, 5, 2), S4(2, 2, 2, 3), S1(3), C3(1, 0, 1), 4),
    { "conv2d_relu", 3, .in = { S4(2, 4, 4, 4), S4(3, 3, 4, 6), S1(5) }, .options.conv2d_relu = { { 1, 1, 1, 0 }, 1 },
      .fails = "bias is 5" },
    { "conv2d_relu", 2, .in = { S4(2, 4, 4, 4), S4(3, 3, 4, 6) }, .options.conv2d_relu = { { 1, 0, 1, 0 }, 3 },
      .fails = "windows of 3x3 do not fit into the convolution's 2x2" },

    POOLS("max_pool"), POOLS("average_pool"),
    { "global_average_pool", 1, .in = { S4(2, 3, 5, 7) } },
    { "global_average_pool", 1, .in = { S4(3, 4, 4, 1) } },
    { "global_average_pool", 1, .in = { S4(5, 40, 41, 18) } },
    { "global_average_pool", 1, .in = { S3(2, 3, 5) }, .fails = "2x3x5" },

#define ROW(name, ...) UNARY(#name, DAI_NORMAL),
    DA_ACTIVATIONS(ROW)
    UNARY("relu", DAI_APART),
    { "leaky_relu", 1, .in = { S2(3, 7) }, { DAI_APART }, .options.leaky_relu = { 0.1f } },
    { "leaky_relu", 1, .in = { S2(131, 129) }, { DAI_APART }, .options.leaky_relu = { -0.5f } },
    { "leaky_relu", 1, .in = { S1(4) }, .bytes = true, .fails = "bytes" },
    { "softmax", 1, .in = { S1(1) } },
    { "softmax", 1, .in = { S2(7, 10) } },
    { "softmax", 1, .in = { S3(2, 3, 47) } },
    { "softmax", 1, .in = { S2(1700, 11) } },
    { "softmax", 1, .in = { S2(3, 0) }, .fails = "at least one number" },
    { "dropout", 1, .in = { S2(5, 7) }, .options.dropout = { 0.25f, 7, 11 } },
    { "dropout", 1, .in = { S2(130, 257) },
      .options.dropout = { 0.5f, UINT64_C(0x123456789abcdef0), UINT64_C(0xfedcba9876543210) } },
    { "dropout", 1, .in = { S1(6) }, .options.dropout = { 0.0f, 1, 2 } },
    { "dropout", 1, .in = { S1(6) }, .options.dropout = { 1.0f, 1, 2 }, .fails = "below 1" },

    { "cross_entropy", 1, .in = { S2(5, 3) }, .options.cross_entropy = { labels, 0.0f } },
    { "cross_entropy", 1, .in = { S2(17, 19) }, .options.cross_entropy = { labels, 0.1f } },
    { "cross_entropy", 1, .in = { S2(1, 3) }, .options.cross_entropy = { labels, 1.0f } },
    { "cross_entropy", 1, .in = { S2(17, 1001) }, .options.cross_entropy = { labels, 0.0f } },
    { "cross_entropy", 1, .in = { S2(5, 3) }, { DAI_STEEP }, .options.cross_entropy = { firsts, 0.0f } },
    { "cross_entropy", 1, .in = { S2(5, 19) }, { DAI_STEEP }, .options.cross_entropy = { firsts, 0.1f } },
    { "cross_entropy", 1, .in = { S2(17, 19) }, { DAI_STEEP }, .options.cross_entropy = { labels, 0.0f } },
    { "cross_entropy", 1, .in = { S2(5, 1) }, .options.cross_entropy = { firsts, 0.0f } },
    { "cross_entropy", 1, .in = { S2(5, 2) },
      .options.cross_entropy = { labels, 0.0f }, .fails = "sample 0 has label 2" },
    { "cross_entropy", 1, .in = { S2(5, 3) }, .options.cross_entropy = { labels, 1.5f }, .fails = "smoothing 1.5" },
    { "cross_entropy", 1, .in = { S3(5, 3, 1) }, .options.cross_entropy = { labels, 0.0f }, .fails = "5x3x1" },
    { "mse", 2, .in = { S2(4, 7), S2(4, 7) } },
    { "mse", 2, .in = { S3(3, 80, 75), S3(3, 80, 75) } },
    { "mse", 2, .in = { S0, S0 } },
    { "mse", 2, .in = { S2(4, 7), S2(7, 4) }, .fails = "4x7 against 7x4" },
    { .operation = NULL }
};
