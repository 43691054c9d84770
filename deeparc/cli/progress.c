/* What a user sees while a command works, on stderr.
 *
 *     on a terminal   epoch 2/5 [=========>          ]  46 %  loss 0.0912  accuracy 97.21 %  12345 samples/s  0:42 left
 *                     redrawn in place at most ten times a second; an epoch that is over stays as a line
 *     elsewhere       a line an epoch, and one every 20 seconds
 *     --quiet         nothing
 *
 * Ctrl-C sets cli_stop in commands that watch it, which look at it after every step; the handler then is the system's
 * again, so that a second Ctrl-C ends the program at once.
 */
#include "deeparc/cli/options.h"

#include "core/number.h"

#include "core/kernels/kernels.h"
#include "core/parallel.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t cli_stop;
static bool unread, saves; /* nobody reads stderr; what runs saves when it is stopped */

static void on_interrupt(int signal_number) {
    (void)signal_number;
    cli_stop = 1;
}

/* SA_RESETHAND: the second Ctrl-C is the system's. SA_RESTART: a write that it falls into goes on. */
void cli_watch_interrupt(bool it_saves) {
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)(SA_RESTART | SA_RESETHAND) }, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup ignores it, so do we */
        sigaction(SIGHUP, &action, NULL);
    saves = it_saves;
    if (saves && unread) cli_stop = 1;
}

/* Is one on the screen, when was anything printed last, and when was this work first heard of? */
static struct { bool drawn; double last, begin; } bar;

/* On stderr. Who reads it may go away (`... 2>&1 | head`): then work that can be saved stops as on Ctrl-C. */
DA_PRINTF(1, 0) static void say(const char *format, va_list list) {
    errno = 0;
    cli_write(stderr, format, list);
    if (ferror(stderr) && errno == EPIPE) unread = true;
    if (saves && unread) cli_stop = 1;
}

static bool on_terminal(void) {
    static int answer = -1;
    if (answer < 0) answer = isatty(STDERR_FILENO);
    return answer == 1;
}

static void erase(void) {
    if (bar.drawn) fprintf(stderr, "\r\033[K");
    bar.drawn = false;
}

void cli_note(cli *c, const char *format, ...) {
    if (c->quiet) return;
    erase();
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    fprintf(stderr, "\n");
}

void cli_banner(cli *c) {
    cli_note(c, "deeparc %s: kernels %s, %s (%s)", DA_VERSION, da_kernels_active()->name,
             da_count(da_threads(), "thread").text, da_threads_kind());
}

/* Is it time to draw again? */
static bool due(void) {
    double now = da_seconds();
    if (bar.last > 0 && now - bar.last < (on_terminal() ? 0.1 : 20.0)) return false;
    bool first = bar.last <= 0;
    bar.last = now;
    return on_terminal() || !first; /* no line elsewhere for what takes less than 20 seconds */
}

static void draw_bar(char *to, double share) {
    enum { WIDTH = 24 };
    int full = (int)(share * WIDTH);
    for (int i = 0; i < WIDTH; i++) to[i] = i < full ? '=' : i == full ? '>' : ' ';
    to[WIDTH] = 0;
}

static void show(const char *format, ...) DA_PRINTF(1, 2);
static void show(const char *format, ...) {
    erase();
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    if (on_terminal()) bar.drawn = true;
    else fprintf(stderr, "\n");
    fflush(stderr);
}

static const char *time_text(char text[32], double seconds) {
    long long s = seconds < 0 || !(seconds < 1e9) ? 0 : (long long)(seconds + 0.5);
    if (s < 3600) snprintf(text, 32, "%lld:%02lld", s / 60, s % 60);
    else snprintf(text, 32, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    return text;
}

static void end_epoch(cli *c, const da_progress *p) {
    char validation[80] = "", elapsed[32];
    if (p->has_validation)
        snprintf(validation, sizeof validation, "  validation %.4f %.2f %%", p->validation_loss,
                 100 * p->validation_accuracy);
    cli_note(c, "epoch %lld/%lld  loss %.4f  accuracy %.2f %%%s  rate %.3g  %.0f samples/s  %s",
             (long long)p->epoch + 1, (long long)p->epochs, p->loss, 100 * p->accuracy, validation, p->rate,
             p->seconds > 0 ? (double)p->samples_seen / p->seconds : 0.0, time_text(elapsed, p->seconds));
    if (p->trouble) cli_note(c, "%s; training goes on, and it is tried again", p->trouble);
    bar.last = da_seconds();
}

void cli_progress_training(void *context, const da_progress *p) {
    cli *c = context;
    if (c->quiet) return;
    if (p->epoch_done) { end_epoch(c, p); return; }
    if (!due()) return;
    double share = p->steps > 0 ? (double)p->step / (double)p->steps : 0;
    char picture[40] = "", left[32], cells[32];
    draw_bar(cells, share);
    if (on_terminal()) snprintf(picture, sizeof picture, " [%s]", cells);
    show("epoch %lld/%lld%s %3.0f %%  loss %.4f  accuracy %.2f %%  %.0f samples/s  %s left", (long long)p->epoch + 1,
         (long long)p->epochs, picture, 100 * share, p->loss, 100 * p->accuracy,
         p->seconds > 0 ? (double)p->samples_seen / p->seconds : 0.0, time_text(left, p->seconds_left));
}

void cli_progress(cli *c, const char *what, int64_t done, int64_t total) {
    if (bar.begin <= 0) bar.begin = da_seconds();
    if (c->quiet || total <= 0 || !due()) return;
    double share = (double)done / (double)total;
    char cells[32], text[32], left[48] = "";
    draw_bar(cells, share);
    if (share > 0 && share < 1)
        snprintf(left, sizeof left, "  %s left", time_text(text, (da_seconds() - bar.begin) * (1 / share - 1)));
    if (on_terminal()) show("%s [%s] %3.0f %%%s", what, cells, 100 * share, left);
    else show("%s %3.0f %%%s", what, 100 * share, left);
}

void cli_progress_end(cli *c) {
    (void)c;
    erase();
    fflush(stderr);
    bar.last = bar.begin = 0;
}
