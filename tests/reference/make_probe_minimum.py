"""The minimum of the softmax probe's loss that tests/unit/test_probe.c expects, found by scipy's L-BFGS on the same
numbers: python3 tests/reference/make_probe_minimum.py prints it."""
import numpy as np
import scipy.optimize

N, D, K, PENALTY = 300, 60, 4, 1e-3
state = 1


def number():
    global state
    state = (state * 1664525 + 1013904223) % 2**32
    return np.float32(state >> 16) / np.float32(65536)


x, labels = np.zeros((N, D), np.float32), np.arange(N) % K
for i in range(N):
    strength = number()
    for d in range(D):
        x[i, d] = number()
        if d % K == labels[i]:
            x[i, d] += np.float32(2) * strength * strength * strength
x = x.astype(np.float64)
x = (x - x.mean(0)) / x.std(0)
truth = np.eye(K)[labels]


def loss(vector):
    w = vector.reshape(D + 1, K)
    scores = x @ w[:D] + w[D]
    most = scores.max(1, keepdims=True)
    total = most[:, 0] + np.log(np.exp(scores - most).sum(1))
    slope = (np.exp(scores - total[:, None]) - truth) / N
    value = (total - (scores * truth).sum(1)).mean() + PENALTY / 2 * (w[:D] ** 2).sum()
    return value, np.vstack([x.T @ slope + PENALTY * w[:D], slope.sum(0)]).ravel()


found = scipy.optimize.minimize(loss, np.zeros((D + 1) * K), jac=True, method="L-BFGS-B",
                                options={"maxiter": 100000, "maxfun": 1000000, "ftol": 1e-16, "gtol": 1e-10})
print(f"minimum {found.fun:.12f}, largest entry of the gradient {abs(found.jac).max():.1e}, {found.nit} steps")
