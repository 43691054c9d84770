/* Drawing digits: a skeleton is bent, laid into the image, and traced with a pen.
 *
 *     skeleton, 60 x 100       bent, flattened, placed         depth of each pixel under the ink
 *       1-------2                      _____                        . . + + + + .
 *                \                         /                        . . . . . # +
 *                 3          ->           /            ->           . . . . # # .      pixel =
 *                /                       /                          . . . # # . .        ink * soft(depth) + noise
 *               4                       /                           . . . # . . .
 *
 * A stroke is a smooth curve (Catmull-Rom) through its points; a point that stands twice is a corner. Random numbers
 * are drawn one after the other from the sample's own stream, so index k of a stream always means the same thing.
 */
#include "datasets/digits.h"

#include "core/parallel.h"
#include "core/random.h"

#include <math.h>
#include <stdbool.h>

enum {
    SIDE = DA_DIGITS_SIDE, PIXELS = SIDE * SIDE,
    MAX_POINTS = 20,       /* of a skeleton, with the marks between its strokes */
    STEPS = 5,             /* straight pieces between two points of a curve */
    MAX_PIECES = MAX_POINTS * STEPS, CHUNK = 64, NANOSECONDS = 30000 /* of a digit */
};

static const float LARGEST = 23.0f; /* pixels that a skeleton may be wide or high */

#define UP { -1, -1 } /* the pen leaves the paper */

typedef struct skeleton {
    uint8_t label;
    int8_t  at[MAX_POINTS][2]; /* x 0..60 rightwards, y 0..100 downwards; { 0, 0 } at the end */
} skeleton;

/* VARIANTS ways to write each digit. */
enum { VARIANTS = 3 };
static const skeleton skeletons[DA_DIGITS_CLASSES * VARIANTS] = {
    { 0, { { 38, 4 }, { 20, 6 }, { 6, 28 }, { 4, 58 }, { 16, 92 }, { 34, 98 }, { 52, 80 }, { 58, 48 }, { 52, 16 },
           { 36, 3 } } },
    { 0, { { 46, 12 }, { 28, 2 }, { 10, 20 }, { 3, 52 }, { 12, 88 }, { 32, 99 }, { 52, 82 }, { 58, 46 }, { 46, 12 },
           { 30, 10 } } },
    { 0, { { 30, 2 }, { 12, 16 }, { 8, 50 }, { 14, 84 }, { 30, 98 }, { 46, 84 }, { 52, 50 }, { 46, 16 }, { 30, 2 } } },

    { 1, { { 30, 1 }, { 30, 50 }, { 29, 100 } } },
    { 1, { { 14, 24 }, { 32, 2 }, { 32, 2 }, { 31, 50 }, { 30, 100 } } },
    { 1, { { 16, 22 }, { 32, 2 }, { 32, 2 }, { 31, 98 }, UP, { 12, 99 }, { 50, 98 } } },

    { 2, { { 8, 24 }, { 16, 6 }, { 34, 1 }, { 50, 14 }, { 48, 36 }, { 30, 64 }, { 6, 96 }, { 6, 96 }, { 30, 94 },
           { 58, 96 } } },
    { 2, { { 6, 22 }, { 20, 3 }, { 42, 4 }, { 52, 22 }, { 42, 48 }, { 20, 78 }, { 6, 90 }, { 4, 80 }, { 16, 78 },
           { 34, 92 }, { 58, 96 } } },
    { 2, { { 6, 16 }, { 26, 2 }, { 48, 12 }, { 48, 38 }, { 28, 68 }, { 4, 97 }, { 4, 97 }, { 56, 99 } } },

    { 3, { { 8, 12 }, { 26, 1 }, { 46, 8 }, { 48, 28 }, { 34, 44 }, { 22, 47 }, { 22, 47 }, { 42, 52 }, { 54, 70 },
           { 44, 92 }, { 22, 100 }, { 4, 88 } } },
    { 3, { { 6, 3 }, { 50, 3 }, { 50, 3 }, { 26, 40 }, { 26, 40 }, { 46, 46 }, { 55, 68 }, { 42, 94 }, { 20, 100 },
           { 3, 88 } } },
    { 3, { { 6, 10 }, { 30, 1 }, { 50, 18 }, { 38, 40 }, { 24, 46 }, { 24, 46 }, { 48, 58 }, { 50, 84 }, { 28, 99 },
           { 2, 94 } } },

    { 4, { { 14, 4 }, { 8, 34 }, { 4, 56 }, { 4, 56 }, { 28, 56 }, { 58, 52 }, UP, { 46, 6 }, { 44, 50 },
           { 42, 100 } } },
    { 4, { { 42, 2 }, { 24, 32 }, { 3, 62 }, { 3, 62 }, { 30, 62 }, { 60, 60 }, UP, { 42, 2 }, { 42, 50 },
           { 42, 100 } } },
    { 4, { { 12, 2 }, { 7, 28 }, { 12, 48 }, { 30, 52 }, { 50, 44 }, UP, { 52, 2 }, { 49, 46 }, { 46, 100 } } },

    { 5, { { 50, 4 }, { 14, 5 }, { 14, 5 }, { 10, 42 }, { 10, 42 }, { 30, 36 }, { 50, 48 }, { 54, 72 }, { 40, 94 },
           { 18, 100 }, { 3, 88 } } },
    { 5, { { 14, 6 }, { 11, 40 }, { 11, 40 }, { 34, 40 }, { 52, 58 }, { 46, 86 }, { 24, 99 }, { 4, 92 }, UP, { 14, 6 },
           { 34, 5 }, { 56, 3 } } },
    { 5, { { 54, 2 }, { 24, 4 }, { 24, 4 }, { 12, 42 }, { 12, 42 }, { 34, 42 }, { 46, 58 }, { 42, 84 }, { 22, 98 },
           { 3, 96 } } },

    { 6, { { 44, 2 }, { 22, 20 }, { 8, 52 }, { 8, 82 }, { 24, 99 }, { 44, 92 }, { 52, 72 }, { 40, 54 }, { 22, 58 },
           { 9, 76 } } },
    { 6, { { 34, 1 }, { 18, 30 }, { 6, 64 }, { 12, 92 }, { 32, 100 }, { 50, 84 }, { 46, 62 }, { 28, 56 },
           { 10, 70 } } },
    { 6, { { 50, 6 }, { 32, 3 }, { 12, 30 }, { 5, 66 }, { 16, 95 }, { 38, 97 }, { 52, 78 }, { 42, 58 }, { 22, 60 },
           { 8, 74 } } },

    { 7, { { 4, 6 }, { 30, 5 }, { 56, 4 }, { 56, 4 }, { 40, 44 }, { 26, 100 } } },
    { 7, { { 5, 7 }, { 56, 5 }, { 56, 5 }, { 40, 44 }, { 28, 100 }, UP, { 16, 52 }, { 54, 47 } } },
    { 7, { { 5, 20 }, { 7, 5 }, { 7, 5 }, { 34, 8 }, { 56, 3 }, { 56, 3 }, { 36, 42 }, { 30, 100 } } },

    { 8, { { 48, 14 }, { 30, 1 }, { 12, 12 }, { 16, 34 }, { 34, 48 }, { 52, 68 }, { 46, 92 }, { 26, 100 }, { 8, 86 },
           { 12, 64 }, { 32, 46 }, { 48, 28 }, { 46, 10 } } },
    { 8, { { 30, 47 }, { 14, 36 }, { 14, 12 }, { 32, 2 }, { 48, 14 }, { 46, 36 }, { 30, 47 }, { 10, 62 }, { 8, 86 },
           { 30, 99 }, { 52, 86 }, { 50, 62 }, { 30, 47 } } },
    { 8, { { 52, 10 }, { 28, 2 }, { 12, 18 }, { 26, 42 }, { 44, 62 }, { 46, 88 }, { 28, 99 }, { 12, 86 }, { 18, 64 },
           { 38, 42 }, { 54, 8 } } },

    { 9, { { 48, 14 }, { 28, 1 }, { 8, 16 }, { 8, 38 }, { 24, 48 }, { 42, 38 }, { 49, 12 }, { 49, 12 }, { 46, 50 },
           { 40, 100 } } },
    { 9, { { 50, 16 }, { 34, 1 }, { 12, 10 }, { 8, 34 }, { 24, 46 }, { 44, 34 }, { 50, 14 }, { 50, 14 }, { 52, 54 },
           { 44, 88 }, { 24, 100 }, { 8, 92 } } },
    { 9, { { 44, 10 }, { 24, 4 }, { 8, 24 }, { 14, 44 }, { 34, 42 }, { 46, 20 }, { 44, 6 }, { 44, 6 }, { 38, 52 },
           { 24, 100 } } },
};

/* ---- random numbers of one sample ---- */

typedef struct dice { uint64_t seed, stream, next; } dice;

static float uniform(dice *d, float low, float high) {
    return low + (high - low) * da_random_uniform(d->seed, d->stream, d->next++);
}

/* Between low and high, seldom near them: the middle of three. */
static float central(dice *d, float low, float high) {
    float a = uniform(d, low, high), b = uniform(d, low, high), c = uniform(d, low, high);
    return a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
}

/* ---- the curve ---- */

typedef struct point { float x, y; } point;
typedef struct piece { point from, to; float radius_from, radius_to; } piece; /* a straight bit of a stroke */
typedef struct drawing { piece pieces[MAX_PIECES]; int count; } drawing;

/* Catmull-Rom: from b (t = 0) to c (t = 1), heading as a -> c and b -> d do there. */
static float spline(float a, float b, float c, float d, float t) {
    return b + 0.5f * t * (c - a + t * (2.0f * a - 5.0f * b + 4.0f * c - d + t * (3.0f * (b - c) + d - a)));
}

/* One stroke of n points. The ends, and a point that stands twice, are their own neighbours. */
static void flatten(drawing *out, const point *p, int n) {
    for (int i = 0; i + 1 < n; i++) {
        point b = p[i], c = p[i + 1], last = b;
        if (b.x == c.x && b.y == c.y) continue;
        point a = i > 0 ? p[i - 1] : b, d = i + 2 < n ? p[i + 2] : c;
        for (int step = 1; step <= STEPS; step++) {
            float t = (float)step / STEPS;
            point to = { spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t) };
            out->pieces[out->count++] = (piece){ .from = last, .to = to };
            last = to;
        }
    }
}

/* Every point moves a little by itself, and all of them with two slow bends of the paper. */
static void bend(drawing *out, const skeleton *bones, dice *d) {
    point stroke[MAX_POINTS];
    float bend_x = central(d, -0.35f, 0.35f), bend_y = central(d, -0.3f, 0.3f), wobble = uniform(d, 1.5f, 7.5f);
    float swell = central(d, -0.3f, 0.3f);
    int n = 0;
    out->count = 0;
    for (int i = 0; i < MAX_POINTS; i++) {
        float x = bones->at[i][0], y = bones->at[i][1];
        bool end = x == 0.0f && y == 0.0f;
        if (x < 0.0f || end) { /* the pen is lifted */
            flatten(out, stroke, n);
            n = 0;
            if (end) return;
            continue;
        }
        bool corner = i > 0 && bones->at[i - 1][0] == bones->at[i][0] && bones->at[i - 1][1] == bones->at[i][1];
        if (corner) { stroke[n] = stroke[n - 1]; n++; continue; }
        float u = (x - 30.0f) / 50.0f, v = (y - 50.0f) / 50.0f; /* -1..1 down the page */
        stroke[n].x = 50.0f * (u * (1.0f + swell * v) + bend_x * (v * v - 0.5f)) + uniform(d, -wobble, wobble);
        stroke[n].y = 50.0f * (v + bend_y * (u * u - 0.2f) + 0.25f * swell * (v * v - 0.5f));
        stroke[n].y += uniform(d, -wobble, wobble);
        n++;
    }
}

/* What brings low..high to the middle of the image, and off it by up to 2.5 pixels as far as a margin is left. */
static float shift(dice *d, float low, float high) {
    float room = 0.5f * (LARGEST - (high - low));
    room = room < 0.0f ? 0.0f : room > 2.5f ? 2.5f : room;
    return 0.5f * (SIDE - 1.0f) - 0.5f * (low + high) + central(d, -room, room);
}

/* Size, slant, turn; then to the middle of the image, give or take. The turn by an angle is given as t = tan(half). */
static void place(drawing *out, dice *d) {
    float height = central(d, 13.0f, 23.5f) / 100.0f, width = height * central(d, 0.65f, 1.4f);
    float slant = central(d, -0.4f, 0.65f), t = central(d, -0.18f, 0.18f);
    float cosine = (1.0f - t * t) / (1.0f + t * t), sine = 2.0f * t / (1.0f + t * t);
    point low = { 1e9f, 1e9f }, high = { -1e9f, -1e9f };
    for (int i = 0; i < 2 * out->count; i++) {
        point *p = i & 1 ? &out->pieces[i / 2].to : &out->pieces[i / 2].from;
        float x = p->x * width - p->y * height * slant, y = p->y * height;
        *p = (point){ cosine * x - sine * y, sine * x + cosine * y };
        low = (point){ p->x < low.x ? p->x : low.x, p->y < low.y ? p->y : low.y };
        high = (point){ p->x > high.x ? p->x : high.x, p->y > high.y ? p->y : high.y };
    }
    float extent = high.x - low.x > high.y - low.y ? high.x - low.x : high.y - low.y;
    float shrink = extent > LARGEST ? LARGEST / extent : 1.0f;
    float dx = shift(d, low.x * shrink, high.x * shrink), dy = shift(d, low.y * shrink, high.y * shrink);
    for (int i = 0; i < 2 * out->count; i++) {
        point *p = i & 1 ? &out->pieces[i / 2].to : &out->pieces[i / 2].from;
        *p = (point){ p->x * shrink + dx, p->y * shrink + dy };
    }
}

/* A pen's width, and how the hand presses it from the beginning of the digit to its end. */
static void press(drawing *out, dice *d) {
    float radius = central(d, 0.55f, 1.9f), change = central(d, -0.4f, 0.4f), middle = central(d, -0.25f, 0.25f);
    for (int i = 0; i < out->count; i++)
        for (int end = 0; end <= 1; end++) {
            float s = 2.0f * (float)(i + end) / (float)out->count - 1.0f; /* -1..1 along the way */
            *(end ? &out->pieces[i].radius_to : &out->pieces[i].radius_from) =
                radius * (1.0f + change * s + middle * (1.0f - 2.0f * s * s));
        }
}

/* ---- the ink ---- */

/* A pixel's number, 0..SIDE. */
static int clamp(float value) { return value < 0.0f ? 0 : value > (float)SIDE ? SIDE : (int)value; }

/* depth[pixel] becomes the largest of (radius of the pen - distance to its middle) over all pieces. */
static void trace(float depth[PIXELS], const piece *p, float softness) {
    float reach = (p->radius_from > p->radius_to ? p->radius_from : p->radius_to) + softness + 1.0f;
    float ax = p->from.x, ay = p->from.y, bx = p->to.x - ax, by = p->to.y - ay, square = bx * bx + by * by;
    float per_square = square > 0.0f ? 1.0f / square : 0.0f;
    int left = clamp((bx < 0.0f ? p->to.x : ax) - reach), right = clamp((bx < 0.0f ? ax : p->to.x) + reach);
    int top = clamp((by < 0.0f ? p->to.y : ay) - reach), bottom = clamp((by < 0.0f ? ay : p->to.y) + reach);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            float px = (float)x - ax, py = (float)y - ay, t = (px * bx + py * by) * per_square;
            t = t < 0.0f ? 0.0f : t > 1.0f ? 1.0f : t;
            float ex = px - t * bx, ey = py - t * by;
            float here = p->radius_from + t * (p->radius_to - p->radius_from) - sqrtf(ex * ex + ey * ey);
            float *deepest = &depth[y * SIDE + x];
            if (here > *deepest) *deepest = here;
        }
}

/* 0 well outside the ink, 1 well inside, smooth within `softness` of its edge. */
static float soft(float depth, float softness) {
    float s = 0.5f + 0.5f * depth / softness;
    if (s <= 0.0f) return 0.0f;
    return s >= 1.0f ? 1.0f : s * s * (3.0f - 2.0f * s);
}

static void develop(uint8_t image[PIXELS], const float depth[PIXELS], float softness, dice *d) {
    float pale = uniform(d, 0.0f, 1.0f), dirty = uniform(d, 0.0f, 1.0f); /* squared: most digits are neither */
    float ink = 255.0f - 130.0f * pale * pale, dirt = 36.0f * dirty * dirty, grain = central(d, 0.0f, 0.5f);
    uint32_t bits = 0;
    for (int i = 0; i < PIXELS; i++) {
        if (i % 4 == 0) bits = da_random_bits(d->seed, d->stream, d->next++);
        float noise = (float)(bits >> 8 * (i % 4) & 255) / 127.5f - 1.0f; /* -1..1 */
        float cover = soft(depth[i], softness);
        float value = ink * cover * (1.0f + grain * noise * (noise > 0.0f ? 0.3f : 1.0f)) + dirt * noise;
        image[i] = (uint8_t)(value <= 0.0f ? 0 : value >= 255.0f ? 255 : (int)(value + 0.5f));
    }
}

uint8_t da_digits_draw(uint8_t image[PIXELS], uint64_t seed, da_split split, int64_t index) {
    dice d = { .seed = seed, .stream = da_stream(DA_RANDOM_DIGITS, (uint64_t)split << 40 | (uint64_t)index) };
    const skeleton *bones = &skeletons[da_random_below(d.seed, d.stream, d.next++, DA_DIGITS_CLASSES * VARIANTS)];
    drawing drawn;
    float depth[PIXELS];
    bend(&drawn, bones, &d);
    place(&drawn, &d);
    press(&drawn, &d);
    float softness = central(&d, 0.5f, 1.3f);
    for (int i = 0; i < PIXELS; i++) depth[i] = -1e9f;
    for (int i = 0; i < drawn.count; i++) trace(depth, &drawn.pieces[i], softness);
    develop(image, depth, softness, &d);
    return bones->label;
}

typedef struct job { uint8_t *images, *labels; int64_t count; uint64_t seed; da_split split; } job;

static void draw_chunk(void *context, int64_t chunk, int worker) {
    const job *j = context;
    int64_t end = (chunk + 1) * CHUNK < j->count ? (chunk + 1) * CHUNK : j->count;
    (void)worker;
    for (int64_t i = chunk * CHUNK; i < end; i++)
        j->labels[i] = da_digits_draw(j->images + i * PIXELS, j->seed, j->split, i);
}

void da_digits_generate(uint8_t *images, uint8_t *labels, int64_t count, uint64_t seed, da_split split) {
    job j = { images, labels, count, seed, split };
    da_parallel_for((count + CHUNK - 1) / CHUNK, count * NANOSECONDS, draw_chunk, &j);
}
