/* Tensors: memory, facts, views and the strided copy. */
#include "core/tensor.h"
#include "core/memory.h"
#include "core/number.h"

#include <stdio.h>
#include <string.h>

size_t da_dtype_size(da_dtype dtype) { return dtype == DA_FLOAT32 ? sizeof(float) : sizeof(uint8_t); }

/* A product of sizes that nobody has checked yet: it may wrap around, and da_shape_check refuses such a shape. */
static int64_t times(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

static void set_contiguous_strides(da_tensor *t) {
    int64_t step = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        t->stride[d] = step;
        step = times(step, t->shape[d]);
    }
}

da_tensor da_tensor_over(void *data, da_dtype dtype, int ndim, const int64_t *shape) {
    da_tensor t = { .dtype = dtype, .ndim = ndim, .data = data };
    for (int d = 0; d < ndim; d++) t.shape[d] = shape[d];
    set_contiguous_strides(&t);
    return t;
}

/* Sizes of 0 count as 1 here, so that strides and products of the other sizes can be reckoned with as well. Below
   2^48 bytes a few of them may be added or multiplied by small numbers. */
da_status da_shape_check(int ndim, const int64_t *shape, size_t element) {
    static const uint64_t most = SIZE_MAX / 2 < UINT64_C(1) << 48 ? SIZE_MAX / 2 : UINT64_C(1) << 48;
    char text[96];
    if (ndim < 0 || ndim > DA_MAX_DIMS)
        return DA_FAIL(DA_ERROR_SHAPE, "a tensor has 0 to %d dimensions, not %d", DA_MAX_DIMS, ndim);
    uint64_t bytes = element;
    for (int d = 0; d < ndim; d++) {
        if (shape[d] < 0)
            return DA_FAIL(DA_ERROR_SHAPE, "shape %s has a negative size", da_shape_text(text, ndim, shape));
        if (shape[d] == 0) continue;
        if (bytes > most / (uint64_t)shape[d])
            return DA_FAIL(DA_ERROR_SHAPE, "shape %s is too large to address", da_shape_text(text, ndim, shape));
        bytes *= (uint64_t)shape[d];
    }
    return DA_OK;
}

da_status da_tensor_init(da_tensor *t, da_dtype dtype, int ndim, const int64_t *shape) {
    DA_TRY(da_shape_check(ndim, shape, da_dtype_size(dtype)));
    da_tensor made = da_tensor_over(NULL, dtype, ndim, shape);
    made.block = made.data = da_alloc(da_tensor_bytes(&made));
    if (!made.block) return DA_ERROR_MEMORY;
    *t = made;
    return DA_OK;
}

da_status da_tensor_zeros(da_tensor *t, da_dtype dtype, int ndim, const int64_t *shape) {
    DA_TRY(da_tensor_init(t, dtype, ndim, shape));
    memset(t->data, 0, da_tensor_bytes(t));
    return DA_OK;
}

void da_tensor_free(da_tensor *t) {
    if (!t) return;
    da_free(t->block);
    memset(t, 0, sizeof *t);
}

int64_t da_tensor_count(const da_tensor *t) {
    int64_t count = 1;
    for (int d = 0; d < t->ndim; d++) count = times(count, t->shape[d]);
    return count;
}

size_t da_tensor_bytes(const da_tensor *t) { return (size_t)da_tensor_count(t) * da_dtype_size(t->dtype); }

bool da_tensor_is_contiguous(const da_tensor *t) {
    int64_t step = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->stride[d] != step) return false;
        step = times(step, t->shape[d]);
    }
    return true;
}

bool da_tensor_same_shape(const da_tensor *a, const da_tensor *b) {
    if (a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}

da_status da_tensor_reshape(da_tensor *view, const da_tensor *t, int ndim, const int64_t *shape) {
    char from[96], to[96];
    int64_t wanted[DA_MAX_DIMS], known = 1;
    int open = -1;
    if (ndim < 0 || ndim > DA_MAX_DIMS)
        return DA_FAIL(DA_ERROR_SHAPE, "reshape: a tensor has 0 to %d dimensions, not %d", DA_MAX_DIMS, ndim);
    for (int d = 0; d < ndim; d++) {
        wanted[d] = shape[d];
        if (shape[d] == -1 && open < 0) { open = d; continue; }
        if (shape[d] < 0)
            return DA_FAIL(DA_ERROR_SHAPE, "reshape: %s has more than one size to work out or a negative one",
                           da_shape_text(to, ndim, shape));
        known = shape[d] > 0 && known > INT64_MAX / shape[d] ? INT64_MAX : known * shape[d]; /* more than any count */
    }
    int64_t count = da_tensor_count(t);
    if (open >= 0 && known > 0 && count % known == 0) wanted[open] = known = count / known;
    if (open >= 0 && wanted[open] >= 0) known = count;
    if (known != count || (open >= 0 && wanted[open] < 0))
        return DA_FAIL(DA_ERROR_SHAPE, "reshape: %s does not hold the %s of %s",
                       da_shape_text(to, ndim, shape), da_count(count, "element").text, da_shape_text(from, t->ndim, t->shape));
    if (!da_tensor_is_contiguous(t))
        return DA_FAIL(DA_ERROR_SHAPE, "reshape: the %s view is not contiguous: copy it first",
                       da_shape_text(from, t->ndim, t->shape));
    DA_TRY(da_shape_check(ndim, wanted, da_dtype_size(t->dtype)));
    *view = da_tensor_over(t->data, t->dtype, ndim, wanted);
    return DA_OK;
}

da_status da_tensor_permute(da_tensor *view, const da_tensor *t, const int *axes) {
    unsigned seen = 0;
    da_tensor v = *t;
    v.block = NULL;
    for (int d = 0; d < t->ndim; d++) {
        if (axes[d] < 0 || axes[d] >= t->ndim || (seen >> axes[d] & 1u))
            return DA_FAIL(DA_ERROR_SHAPE, "permute: axis %d at place %d: every axis 0..%d must stand once", axes[d], d,
                           t->ndim - 1);
        seen |= 1u << axes[d];
        v.shape[d] = t->shape[axes[d]];
        v.stride[d] = t->stride[axes[d]];
    }
    *view = v;
    return DA_OK;
}

da_status da_tensor_slice(da_tensor *view, const da_tensor *t, int axis, int64_t start, int64_t stop, int64_t step) {
    char text[96];
    if (axis < 0 || axis >= t->ndim)
        return DA_FAIL(DA_ERROR_SHAPE, "slice: axis %d of a tensor with %s", axis, da_count(t->ndim, "dimension").text);
    int64_t size = t->shape[axis];
    int64_t first = start < 0 ? start + size : start, end = stop < 0 ? stop + size : stop;
    if (step < 1 || first < 0 || end > size || first > end)
        return DA_FAIL(DA_ERROR_SHAPE,
                       "slice: %lld:%lld:%lld of axis %d of %s: needs 0 <= start <= stop <= %lld and step > 0",
                       (long long)start, (long long)stop, (long long)step, axis, da_shape_text(text, t->ndim, t->shape),
                       (long long)size);
    da_tensor v = *t;
    v.block = NULL;
    v.data = (char *)t->data + (size_t)(first * t->stride[axis]) * da_dtype_size(t->dtype);
    v.shape[axis] = first < end ? (end - first - 1) / step + 1 : 0;
    if (v.shape[axis] > 1) v.stride[axis] = t->stride[axis] * step; /* of one element no step is taken */
    *view = v;
    return DA_OK;
}

da_status da_shape_broadcast(int *ndim, int64_t *shape, const da_tensor *a, const da_tensor *b) {
    char left[96], right[96];
    int n = a->ndim > b->ndim ? a->ndim : b->ndim;
    int64_t result[DA_MAX_DIMS];
    for (int d = 0; d < n; d++) { /* d counts from the right */
        int64_t p = d < a->ndim ? a->shape[a->ndim - 1 - d] : 1;
        int64_t q = d < b->ndim ? b->shape[b->ndim - 1 - d] : 1;
        if (p != q && p != 1 && q != 1)
            return DA_FAIL(DA_ERROR_SHAPE, "%s and %s do not broadcast: sizes %lld and %lld differ and neither is 1",
                           da_shape_text(left, a->ndim, a->shape), da_shape_text(right, b->ndim, b->shape),
                           (long long)p, (long long)q);
        result[n - 1 - d] = p == 1 ? q : p;
    }
    *ndim = n;
    memcpy(shape, result, (size_t)n * sizeof *shape);
    return DA_OK;
}

/* Copies dimension d and all inside it; offsets count elements. */
static void copy_from(da_tensor *dst, const da_tensor *src, int d, int64_t to, int64_t from, size_t element) {
    if (d == dst->ndim) {
        memcpy((char *)dst->data + (size_t)to * element, (const char *)src->data + (size_t)from * element, element);
        return;
    }
    if (d == dst->ndim - 1 && dst->stride[d] == 1 && src->stride[d] == 1) {
        memcpy((char *)dst->data + (size_t)to * element, (const char *)src->data + (size_t)from * element,
               (size_t)dst->shape[d] * element);
        return;
    }
    for (int64_t i = 0; i < dst->shape[d]; i++)
        copy_from(dst, src, d + 1, to + i * dst->stride[d], from + i * src->stride[d], element);
}

da_status da_tensor_copy(da_tensor *dst, const da_tensor *src) {
    char to[96], from[96];
    if (!da_tensor_same_shape(dst, src) || dst->dtype != src->dtype)
        return DA_FAIL(DA_ERROR_SHAPE, "copy: %s cannot take %s: shapes and types must be equal",
                       da_shape_text(to, dst->ndim, dst->shape), da_shape_text(from, src->ndim, src->shape));
    if (da_tensor_is_contiguous(dst) && da_tensor_is_contiguous(src)) {
        memcpy(dst->data, src->data, da_tensor_bytes(src));
        return DA_OK;
    }
    copy_from(dst, src, 0, 0, 0, da_dtype_size(src->dtype));
    return DA_OK;
}

char *da_shape_text(char text[96], int ndim, const int64_t *shape) {
    size_t used = 0;
    if (ndim == 0) snprintf(text, 96, "scalar");
    for (int d = 0; d < ndim && used < 95; d++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%lld", d ? "x" : "", (long long)shape[d]);
    return text;
}
