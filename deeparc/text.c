/* A growing string: capacity doubles; the first error stops everything after it. */
#include "deeparc/text.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/number.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Room for count more bytes and the NUL; false when there is none. */
static bool reserve(da_text *text, size_t count) {
    if (text->status != DA_OK) return false;
    if (text->length + count < text->capacity) return true;
    size_t wanted = text->capacity ? text->capacity : 256;
    while (wanted <= text->length + count) wanted *= 2;
    char *moved = da_realloc(text->bytes, wanted);
    if (!moved) {
        text->status = da_error_code();
        return false;
    }
    text->bytes = moved;
    text->capacity = wanted;
    return true;
}

void da_text_append_bytes(da_text *text, const char *bytes, size_t count) {
    if (!reserve(text, count)) return;
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = '\0';
}

void da_text_append(da_text *text, const char *string) { da_text_append_bytes(text, string, strlen(string)); }

void da_text_printf(da_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (count < 0 && text->status == DA_OK)
        text->status = DA_FAIL(DA_ERROR_ARGUMENT, "text: '%s' cannot be formatted", format);
    if (count < 0 || !reserve(text, (size_t)count)) return;
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)count + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)count;
}

void da_text_fixed(da_text *text, double value, int digits) {
    char number[DA_NUMBER_WIDE];
    da_text_append(text, da_number_fixed(number, value, digits));
}

void da_text_rounded(da_text *text, double value, int digits) {
    char number[DA_NUMBER_WIDE];
    da_text_append(text, da_number_rounded(number, value, digits));
}

void da_text_repeat(da_text *text, const char *string, int count) {
    for (int i = 0; i < count; i++) da_text_append(text, string);
}

static const char *html_entity(char c) {
    switch (c) {
    case '<':  return "&lt;";
    case '>':  return "&gt;";
    case '&':  return "&amp;";
    case '"':  return "&quot;";
    case '\'': return "&#39;";
    case 0x7f: return " ";
    default:   return (unsigned char)c < ' ' && c != '\n' ? " " : NULL;
    }
}

void da_text_html(da_text *text, const char *string) {
    if (!string) return;
    const char *from = string;
    for (; *string; string++) {
        const char *entity = html_entity(*string);
        if (!entity) continue;
        da_text_append_bytes(text, from, (size_t)(string - from));
        da_text_append(text, entity);
        from = string + 1;
    }
    da_text_append(text, from);
}

size_t da_text_harmless(const char *string) {
    const char *at = string;
    while (*at) {
        int length = da_utf8_length(at, strnlen(at, 4));
        unsigned char byte = (unsigned char)at[0], next = (unsigned char)at[1];
        bool blank = byte == '\n' || byte == '\t', control = (byte < ' ' && !blank) || byte == 0x7f;
        if (length == 0 || control || (byte == 0xc2 && next < 0xa0)) break;
        at += length;
    }
    return (size_t)(at - string);
}

void da_text_plain(da_text *text, const char *string) {
    for (;;) {
        size_t length = da_text_harmless(string);
        da_text_append_bytes(text, string, length);
        string += length;
        if (!*string) return;
        da_text_printf(text, "\\x%02x", (unsigned)(unsigned char)*string++);
    }
}

void da_text_shell(da_text *text, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./,:@%";
    if (*word && word[strspn(word, plain)] == 0) { da_text_append(text, word); return; }
    da_text_append(text, "'");
    for (; *word; word++) {
        if (*word == '\'') da_text_append(text, "'\\''");
        else da_text_append_bytes(text, word, 1);
    }
    da_text_append(text, "'");
}

void da_text_base64(da_text *text, const void *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < count; i += 3) {
        size_t n = count - i < 3 ? count - i : 3;
        unsigned three = (unsigned)from[i] << 16 | (n > 1 ? (unsigned)from[i + 1] << 8 : 0) | (n > 2 ? from[i + 2] : 0);
        const char four[] = { digits[three >> 18], digits[three >> 12 & 63], n > 1 ? digits[three >> 6 & 63] : '=',
                              n > 2 ? digits[three & 63] : '=' };
        da_text_append_bytes(text, four, sizeof four);
    }
}

const char *da_text_string(const da_text *text) { return text->bytes ? text->bytes : ""; }

da_status da_text_status(const da_text *text) {
    if (text->status == DA_OK) return DA_OK;
    if (text->status == DA_ERROR_MEMORY)
        return DA_FAIL(DA_ERROR_MEMORY, "out of memory: a text of %zu bytes could not grow", text->length);
    return DA_FAIL(text->status, "a text of %zu bytes could not be continued: it has no such format", text->length);
}

void da_text_free(da_text *text) {
    if (!text) return;
    da_free(text->bytes);
    memset(text, 0, sizeof *text);
}
