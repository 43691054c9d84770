/* The first principal component of a batch of features, from its Gram matrix.
 *
 *     G = H X X' H = sum over c of value_c v_c v_c'          sample i lies at sqrt(value_0) v_0[i] on the first component;
 *                                                            value_0 / trace is the component's share of the variance
 *     G - value_0 v_0 v_0'                                   the Gram of the features without that component
 *
 * A few images far out on it can make most layers of a large network look alike (Nguyen, Raghu and Kornblith, "On the
 * origins of the block structure phenomenon in neural network representations", TMLR 2022).
 */
#ifndef DA_DEEPARC_COMPONENT_H
#define DA_DEEPARC_COMPONENT_H

#include <stdint.h>

/* gram: an upper triangle as dai_gram lays it out. centre: H G H in place; scratch: n numbers. first: power iteration
   until |G v - value v| is 1e-9 of value, at most 1000 steps (where the two largest eigenvalues are that close, so are
   their vectors' claims to be first). v has length 1; all zero, and value 0, where G is zero; scratch: n numbers.
   remove: G -= value v v'. */
void   dai_component_centre(double *gram, int64_t n, double *scratch);
double dai_component_first(const double *gram, int64_t n, double *v, double *scratch);
void   dai_component_remove(double *gram, int64_t n, double value, const double *v);

#endif
