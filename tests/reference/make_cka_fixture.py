#!/usr/bin/env python3
"""Writes tests/fixtures/cka.h: features, and their CKA by numpy in double, from the formulas alone.

    python3 tests/reference/make_cka_fixture.py > tests/fixtures/cka.h

Centring is done with explicit matrices and sums over i != j, not with the steps that the C code takes.
"""
import textwrap

import numpy as np

BATCHES = (16, 16, 9)      # ragged: the last one is weighted by n (n - 3)
WIDTHS = (5, 12, 3, 40, 7)  # the last layer sits on a large mean
rng = np.random.default_rng(20230092)


def features():
    batches = []
    for n in BATCHES:
        common = rng.normal(size=(n, 4))
        layers = [common @ rng.normal(size=(4, w)) + 0.4 * (l + 1) * rng.normal(size=(n, w))
                  for l, w in enumerate(WIDTHS)]
        layers[-1] += 300
        batches.append([x.astype(np.float32) for x in layers])
    return batches


def unbiased(x):
    return unbiased_gram(x.astype(np.float64) @ x.astype(np.float64).T)


def unbiased_gram(g):
    """Szekely and Rizzo (2014), definition 2: the U-centred matrix."""
    n = len(g)
    np.fill_diagonal(g, 0)
    rows = g.sum(1, keepdims=True) / (n - 2)
    u = g - rows - rows.T + g.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(u, 0)
    return u


def biased(x):
    n = len(x)
    h = np.eye(n) - np.ones((n, n)) / n
    return h @ (x.astype(np.float64) @ x.astype(np.float64).T) @ h


def distances(x):
    x = x.astype(np.float64)
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))


def rbf(x):
    """The U-centred kernel exp(-d^2 / (2 sigma^2)), sigma .8 of the median distance (of an even number the lower)."""
    d = distances(x)
    pairs = np.sort(d[np.triu_indices(len(d), 1)])
    sigma = 0.8 * pairs[(len(pairs) - 1) // 2]
    return unbiased_gram(np.exp(-d ** 2 / (2 * sigma ** 2)))


def rsa(x):
    d = distances(x)
    n = len(d)
    d -= d.sum() / (n * (n - 1))
    np.fill_diagonal(d, 0)
    return d


def without_first(x):
    """The U-centred Gram of the features without their first principal component, by the SVD of the features."""
    x = x.astype(np.float64)
    x = x - x.mean(0)
    u, s, v = np.linalg.svd(x, full_matrices=False)
    x = x - s[0] * np.outer(u[:, 0], v[0])
    return unbiased_gram(x @ x.T)


def centred(x):
    x = x.astype(np.float64)
    return x - x.mean(0)


def product(a, b):
    return np.sum(a * b)


def nuclear(x, y):
    return np.linalg.norm(x.T @ y, "nuc")


def inner(batches, centre, pair):
    """batch x layer x layer of <K, L>; of Procrustes, of the nuclear norm of X'Y."""
    return np.array([[[pair(a, b) for b in cs] for a in cs] for cs in ([centre(x) for x in xs] for xs in batches)])


def cka(products):
    a = products.sum(0)
    return a / np.sqrt(np.outer(np.diag(a), np.diag(a)))


def standard_error(products):
    total, r = products.sum(0), cka(products)
    share = [np.diag(p) / (2 * np.diag(total)) for p in products]
    influence = [r * (p / total - s[:, None] - s[None]) for p, s in zip(products, share)]
    count = len(products)
    return np.sqrt(count / (count - 1) * np.sum(np.square(influence), 0))


def array(name, kind, values, form):
    text = textwrap.fill(", ".join(form % v for v in np.ravel(values)), 116)
    print("static const %s %s[] = {\n%s\n};" % (kind, name, textwrap.indent(text, "    ")))


batches = features()
print("/* Made by tests/reference/make_cka_fixture.py: features of %d layers, batch after batch, layer after layer,\n"
      " * row-major, and their CKA in numpy's double. */" % len(WIDTHS))
array("cka_batches", "int", BATCHES, "%d")
array("cka_widths", "int", WIDTHS, "%d")
array("cka_features", "float", np.concatenate([x.ravel() for xs in batches for x in xs]), "%.8ef")
for label, centre, pair in (("unbiased", unbiased, product), ("biased", biased, product), ("rbf", rbf, product),
                            ("rsa", rsa, product), ("deflated", without_first, product),
                            ("procrustes", centred, nuclear)):
    products = inner(batches, centre, pair)
    array("cka_" + label, "double", cka(products), "%.17g")
    array("cka_" + label + "_error", "double", standard_error(products), "%.17g")
