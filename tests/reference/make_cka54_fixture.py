#!/usr/bin/env python3
"""Writes tests/fixtures/cka54.h: unbiased linear CKA of 54 layers in numpy's double, the last batch ragged.

    python3 tests/reference/make_cka54_fixture.py > tests/fixtures/cka54.h

The features are whole numbers that a formula makes of layer, sample and feature, so that both sides have the same ones
and the file holds the result alone. The formula is `feature` here and in tests/unit/test_similarity.c.
"""
import textwrap

import numpy as np

LAYERS, BATCHES = 54, (64, 64, 37)


def mix(i, k, l):
    """16 bits of layer l, sample i, feature k; all arithmetic is modulo 2^32."""
    x = i * np.uint32(2654435761) + k * np.uint32(2246822519) + np.uint32(l * 3266489917 % 2**32)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return x >> np.uint32(16)


def features(layer, first, n):
    i = np.arange(first, first + n, dtype=np.uint32)[:, None]
    k = np.arange(20 + 7 * layer, dtype=np.uint32)[None]
    common, own = mix(i, k % np.uint32(16), 0), mix(i, k, layer + 1)
    return (common * np.uint32(LAYERS - layer) + own * np.uint32(layer + 6)).astype(np.float64)


def centred(x):
    """The U-centred Gram (Szekely and Rizzo 2014, definition 2), with explicit sums."""
    g = x @ x.T
    n = len(g)
    np.fill_diagonal(g, 0)
    rows = g.sum(1, keepdims=True) / (n - 2)
    u = g - rows - rows.T + g.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(u, 0)
    return u


total, first = np.zeros((LAYERS, LAYERS)), 0
for n in BATCHES:
    grams = np.array([centred(features(l, first, n)).ravel() for l in range(LAYERS)])
    total += grams @ grams.T
    first += n
cka = total / np.sqrt(np.outer(np.diag(total), np.diag(total)))
upper = ", ".join("%.10g" % v for v in cka[np.triu_indices(LAYERS, 1)])
print("/* Made by tests/reference/make_cka54_fixture.py: unbiased linear CKA of 54 layers, above the diagonal, row by row. */")
print("static const int cka54_batches[] = { %s };" % ", ".join(map(str, BATCHES)))
print("static const double cka54_upper[] = {\n%s\n};" % textwrap.indent(textwrap.fill(upper, 116), "    "))
