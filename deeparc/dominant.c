/* Insertion into short sorted lists. */
#include "deeparc/dominant.h"

void dai_dominant_clear(da_dominant *list, int64_t count) {
    for (int64_t i = 0; i < count; i++) list[i] = (da_dominant){ -1, 0 };
}

void dai_dominant_add(da_dominant *list, int64_t count, const int64_t *images, const double *squares, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t place = count;
        while (place > 0 && (list[place - 1].image < 0 || list[place - 1].share < squares[i])) place--;
        if (place == count) continue;
        for (int64_t k = count - 1; k > place; k--) list[k] = list[k - 1];
        list[place] = (da_dominant){ images[i], squares[i] };
    }
}
