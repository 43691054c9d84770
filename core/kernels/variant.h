/* Names of the routines that are compiled once per instruction set: DA_VARIANT(dai_unary) is dai_unary_avx2 in the
 * object built for AVX2. The Makefile defines DA_VARIANT_NAME and the flags. */
#ifndef DA_CORE_KERNELS_VARIANT_H
#define DA_CORE_KERNELS_VARIANT_H

#ifndef DA_VARIANT_NAME
#define DA_VARIANT_NAME portable
#endif
#define DA_VARIANT_PASTE_(name, variant) name##_##variant
#define DA_VARIANT_PASTE(name, variant) DA_VARIANT_PASTE_(name, variant)
#define DA_VARIANT(name) DA_VARIANT_PASTE(name, DA_VARIANT_NAME)

#endif
