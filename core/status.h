/* Statuses and messages.
 *
 * The library never prints, exits or aborts. A call that can fail returns a da_status; the thread's last error holds
 * the code, the place in the source and one sentence: what failed, where, and what to do. A failed call leaves its
 * arguments as they were.
 *
 *     return DA_FAIL(DA_ERROR_FORMAT, "'%s': header claims %lld images, file holds %lld: fetch it again", ...);
 *     DA_TRY(da_tensor_init(&t, DA_FLOAT32, 2, shape));     returns at once when the call failed
 */
#ifndef DA_CORE_STATUS_H
#define DA_CORE_STATUS_H

#include "core/api.h"

DA_C_BEGIN

typedef enum da_status {
    DA_OK = 0,
    DA_ERROR_ARGUMENT,    /* a value out of range, an unknown name, options that contradict each other */
    DA_ERROR_SHAPE,       /* operands whose shapes do not fit */
    DA_ERROR_MEMORY,      /* an allocation failed */
    DA_ERROR_IO,          /* the system refused to open, read, write or rename */
    DA_ERROR_FORMAT,      /* a file is truncated, corrupt or of another kind */
    DA_ERROR_NOT_FOUND,   /* no such file, data set, unit or tensor */
    DA_ERROR_NUMERIC,     /* a value that is not finite where only finite ones make sense */
    DA_ERROR_INTERRUPTED, /* the user asked to stop; what was done is saved */
    DA_ERROR_BUSY         /* another process has what was asked for */
} da_status;

/* The calling thread's last error: its code (DA_OK when there is none), its sentence ("" when none) and the place that
   raised it ("core/tensor.c:41"). The strings stay valid until the thread's next error. */
da_status   da_error_code(void);
const char *da_error_message(void);
const char *da_error_place(void);
void        da_error_clear(void);

#if defined(__GNUC__)
#define DA_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#else
#define DA_PRINTF(format_index, first_index)
#endif

/* Sets the thread's last error and returns code; a program's own functions may use DA_FAIL and DA_TRY, too. */
da_status da_fail(da_status code, const char *file, int line, const char *format, ...) DA_PRINTF(4, 5);
#define DA_FAIL(code, ...) da_fail((code), __FILE__, __LINE__, __VA_ARGS__)

/* Puts context in front of the last error's sentence ("reading 'model.safetensors': ...") and returns its code. */
da_status da_fail_context(const char *format, ...) DA_PRINTF(1, 2);

#define DA_TRY(call) do { da_status try_status_ = (call); if (try_status_ != DA_OK) return try_status_; } while (0)

DA_C_END

#endif
