/* The thread's last error: one fixed buffer, so that running out of memory can be reported too. */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local da_status last_code = DA_OK;
static _Thread_local char last_message[2048];
static _Thread_local char last_place[128];

da_status   da_error_code(void)    { return last_code; }
const char *da_error_message(void) { return last_message; }
const char *da_error_place(void)   { return last_place; }

void da_error_clear(void) {
    last_code = DA_OK;
    last_message[0] = last_place[0] = '\0';
}

da_status da_fail(da_status code, const char *file, int line, const char *format, ...) {
    char message[sizeof last_message]; /* arguments may point into the previous message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    memcpy(last_message, message, sizeof last_message);
    snprintf(last_place, sizeof last_place, "%s:%d", file, line);
    last_code = code;
    return code;
}

da_status da_fail_context(const char *format, ...) {
    char context[512], previous[sizeof last_message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(context, sizeof context, format, arguments);
    va_end(arguments);
    memcpy(previous, last_message, sizeof previous);
    size_t used = (size_t)snprintf(last_message, sizeof last_message, "%s", context);
    snprintf(last_message + used, sizeof last_message - used, "%s", previous);
    return last_code;
}
