/* Layouts: the order of a parameter's values in files, PyTorch's, against the order in memory, the kernels'.
 *
 *     view    O  C  R  S     dimensions as the file has them         e.g. 16 x 3 x 3 x 3
 *     axes    2  3  1  0     memory dimension a is view dimension axes[a]: R S C O
 *
 * One loop nest serves both directions: it walks the view and steps through either array with that array's strides.
 */
#include "layers/layer.h"

enum { VIEW_DIMS = 4 }; /* what the kinds of layers need; views of fewer dimensions get leading ones */

typedef struct walk { int64_t size[VIEW_DIMS], file[VIEW_DIMS], memory[VIEW_DIMS]; } walk;

static walk walk_of(const da_layout *layout) {
    walk w = { .size = { 1, 1, 1, 1 } };
    int n = layout->view_ndim, lead = VIEW_DIMS - n;
    int64_t step = 1;
    for (int d = n - 1; d >= 0; d--) {
        w.size[lead + d] = layout->view[d];
        w.file[lead + d] = step;
        step *= layout->view[d];
    }
    step = 1;
    for (int a = n - 1; a >= 0; a--) {
        w.memory[lead + layout->axes[a]] = step;
        step *= layout->view[layout->axes[a]];
    }
    return w;
}

static void copy(const int64_t *size, float *to, const int64_t *to_step, const float *from, const int64_t *from_step) {
    for (int64_t a = 0; a < size[0]; a++)
        for (int64_t b = 0; b < size[1]; b++)
            for (int64_t c = 0; c < size[2]; c++)
                for (int64_t d = 0; d < size[3]; d++)
                    to[a * to_step[0] + b * to_step[1] + c * to_step[2] + d * to_step[3]] =
                        from[a * from_step[0] + b * from_step[1] + c * from_step[2] + d * from_step[3]];
}

void da_layout_to_memory(const da_layout *layout, const float *file, float *memory) {
    walk w = walk_of(layout);
    copy(w.size, memory, w.memory, file, w.file);
}

void da_layout_to_file(const da_layout *layout, const float *memory, float *file) {
    walk w = walk_of(layout);
    copy(w.size, file, w.file, memory, w.memory);
}
