/* Matrices of numbers as comma-separated text.
 *
 *     conv1,layer1.0,linear        a first line without a single number in it names the columns; it may be missing
 *     1,0.93,0.12                  line 2 is row 1
 *     0.93,1,0.2
 *
 * Fields may stand in double quotes and have blanks around them; lines end with \n or \r\n; empty lines, a UTF-8 byte
 * order mark and comments, lines that begin with #, are skipped. The last comment before the first row names the columns
 * when it is made like a line of names, as numpy.savetxt(header=...) writes them: "# conv1,layer1.0,linear". Every row
 * has as many fields as the first line. nan and inf are refused.
 */
#ifndef DA_CORE_CSV_H
#define DA_CORE_CSV_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

DA_C_BEGIN

typedef struct da_csv {
    int64_t rows, columns;
    double *values; /* rows x columns, C order; owned */
    char  **names;  /* columns of them, or NULL when the text has none; one block, owned */
} da_csv;

/* Errors: DA_ERROR_FORMAT (no numbers, a field that is none, ragged rows: line, row and column are named),
   DA_ERROR_NUMERIC (nan, inf, a number that overflows), DA_ERROR_NOT_FOUND, DA_ERROR_IO, DA_ERROR_MEMORY; *matrix stays
   as it was. free takes one that is all zero. name stands in messages. */
da_status da_csv_read(da_csv *matrix, const char *path);
da_status da_csv_read_memory(da_csv *matrix, const char *text, size_t size, const char *name);
void      da_csv_free(da_csv *matrix);

/* Numbers are written so that they read back as the same bits. names may be NULL. Errors: DA_ERROR_ARGUMENT (a name
   that reads as a number), DA_ERROR_NUMERIC (a value that is not finite), DA_ERROR_IO, DA_ERROR_MEMORY. */
da_status da_csv_write(const char *path, int64_t rows, int64_t columns, const double *values, const char *const *names);

DA_C_END

#endif
