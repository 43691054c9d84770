/* What every public header begins with: the version, and C linkage where a C++ program includes it.
 *
 * A header is public when deeparc/deeparc.h includes it, itself or through another one. Such a header compiles alone, as
 * C11 and as C++17, and every name it gives begins with da_ or DA_.
 */
#ifndef DA_CORE_API_H
#define DA_CORE_API_H

/* The one place of the version: the program, the library's names and deeparc.pc read it here. */
#define DA_VERSION "0.1.0"

#ifdef __cplusplus
#define DA_C_BEGIN extern "C" {
#define DA_C_END }
#else
#define DA_C_BEGIN
#define DA_C_END
#endif

#endif
