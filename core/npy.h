/* NumPy's .npy files: one array, so that Python reads what the program computed.
 *
 *     | \x93NUMPY 1 0 | H, 2 bytes | {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  spaces \n | numbers |
 *                                                                          the numbers begin at a multiple of 64
 *
 * Written: version 1.0, C order, little-endian. Read: versions 1.0 to 3.0, C order, '<f4' '<f8' '<i8' '|u1'. Numbers
 * are converted on machines that are not little-endian.
 */
#ifndef DA_CORE_NPY_H
#define DA_CORE_NPY_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

DA_C_BEGIN

enum { DA_NPY_DIMS = 8 };

typedef enum da_npy_dtype { DA_NPY_FLOAT32, DA_NPY_FLOAT64, DA_NPY_INT64, DA_NPY_UINT8 } da_npy_dtype;

typedef struct da_npy {
    da_npy_dtype dtype;
    int          ndim;
    int64_t      shape[DA_NPY_DIMS];
    int64_t      count; /* elements: the product of shape, 1 when ndim is 0 */
    void        *data;  /* owned; C order, the machine's byte order, aligned to 64 */
} da_npy;

/* Errors: DA_ERROR_FORMAT, DA_ERROR_NOT_FOUND, DA_ERROR_IO, DA_ERROR_MEMORY; *array stays as it was. free takes one
   that is all zero. name stands in messages. */
da_status da_npy_read(da_npy *array, const char *path);
da_status da_npy_read_memory(da_npy *array, const uint8_t *bytes, size_t size, const char *name);
void      da_npy_free(da_npy *array);

/* data: C order, contiguous. Errors: DA_ERROR_SHAPE (more than DA_NPY_DIMS dimensions, a negative size, too large),
   DA_ERROR_IO, DA_ERROR_MEMORY. */
da_status da_npy_write(const char *path, da_npy_dtype dtype, int ndim, const int64_t *shape, const void *data);

DA_C_END

#endif
