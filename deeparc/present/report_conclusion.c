/* What a report's figures come to, in sentences: what was removed, what that cost, what repair brought back, what is
 * saved. Only figures over the same test images are compared. A bad result is called one. */
#include "deeparc/present/report.h"

#include "deeparc/present/html.h"

#include <math.h>
#include <string.h>

/* Points of accuracy that nobody would mind, and the accuracy below which a network has hardly learned. */
static const double LITTLE = 0.5, POOR = 0.5;

static void say_original(const da_report *r, da_text *text) {
    double accuracy = da_result_number(r->train, "accuracy");
    if (!isfinite(accuracy)) return;
    da_text_printf(text, "The network, %.60s, is right on %.2f %% of %s of %.60s. ",
                   da_result_text(r->train, "model"), 100 * accuracy, da_report_count(r->train, "samples", "test image").text,
                   da_result_text(r->train, "data"));
    if (accuracy < POOR)
        da_text_append(text, "It has hardly learned: what follows says little about networks that have. ");
}

static void say_names(const da_result *list, da_text *text) {
    const char *join = "";
    for (const da_result *item = da_result_first(list); item; item = da_result_next(item)) {
        da_text_printf(text, "%s%.60s", join, da_result_text(item, ""));
        join = da_result_next(item) && !da_result_next(da_result_next(item)) ? " and " : ", ";
    }
}

static void say_removal(const da_report *r, da_text *text) {
    const da_result *before = da_result_find(r->restructure, "before"), *after = da_result_find(r->restructure, "after");
    const da_result *removed = da_result_find(r->restructure, "removed");
    double work = 100 * (1 - da_result_number(after, "multiply_adds") / da_result_number(before, "multiply_adds"));
    double bytes = 100 * (1 - da_result_number(after, "file_bytes") / da_result_number(before, "file_bytes"));
    double loss = 100 * (da_result_number(before, "accuracy") - da_result_number(after, "accuracy"));
    if (da_result_count(removed) == 0) return;
    say_names(removed, text);
    da_text_append(text, da_result_count(removed) == 1 ? " was removed for real" : " were removed for real");
    if (isfinite(work)) da_text_printf(text, ": what is left needs %.1f %% fewer multiply-adds", work);
    if (isfinite(bytes)) da_text_printf(text, " and %.1f %% less space on disk", bytes);
    da_text_append(text, ". ");
    if (!isfinite(loss)) return;
    if (loss > LITTLE) da_text_printf(text, "That alone costs %.2f points of accuracy. ", loss);
    else da_text_printf(text, "That alone changes accuracy by %+.2f points: they were redundant. ", -loss);
}

/* What is missing from the original, in points; NAN unless both saw the same test images, which the smaller network's
   accuracy in both records shows. */
static double missing(const da_report *r, const da_result *retrain) {
    const da_result *before = da_result_find(r->restructure, "before"), *after = da_result_find(r->restructure, "after");
    double same = da_result_number(after, "accuracy") - da_result_number(retrain, "accuracy_before");
    if (!(fabs(same) < 1e-12)) return (double)NAN;
    return 100 * (da_result_number(before, "accuracy") - da_result_number(retrain, "accuracy"));
}

static void say_repair(const da_report *r, const da_result *local, da_text *text) {
    double trained = da_result_number(local, "values_trained"), frozen = da_result_number(local, "values_frozen");
    double gained = 100 * (da_result_number(local, "accuracy") - da_result_number(local, "accuracy_before"));
    double left = missing(r, local);
    if (!isfinite(gained)) return;
    if (isfinite(trained + frozen) && trained + frozen > 0)
        da_text_printf(text, "Retraining %.1f %% of the values (%.200s) for %.1f seconds",
                       100 * trained / (trained + frozen), da_result_text(local, "trained"),
                       da_result_number(local, "seconds"));
    else da_text_append(text, "Local retraining");
    da_text_printf(text, " moved accuracy by %+.2f points, to %.2f %%", gained, 100 * da_result_number(local, "accuracy"));
    if (!isfinite(left)) da_text_append(text, ". ");
    else if (left <= 0) da_text_append(text, ": no less than the original. ");
    else if (left <= LITTLE) da_text_printf(text, ": %.2f points below the original. ", left);
    else da_text_printf(text, ". It did not bring everything back: %.2f points are missing. ", left);
}

static const da_result *whole_of(const da_report *r) {
    for (int i = 0; i < r->retrains; i++)
        if (strcmp(da_result_text(r->retrain[i], "trained"), "all") == 0) return r->retrain[i];
    return NULL;
}

/* The whole network, retrained for as many steps, beside the neighbours. */
static void say_comparison(const da_result *local, const da_result *whole, da_text *text) {
    double more = 100 * (da_result_number(whole, "accuracy") - da_result_number(local, "accuracy"));
    double again = da_result_number(local, "accuracy_before") - da_result_number(whole, "accuracy_before");
    double steps = da_result_number(local, "steps") - da_result_number(whole, "steps");
    if (!(fabs(again) < 1e-12) || !(fabs(steps) < 0.5)) return;
    da_text_printf(text, "Retraining the whole network for as many steps took %.1f seconds and reached %.2f %%: ",
                   da_result_number(whole, "seconds"), 100 * da_result_number(whole, "accuracy"));
    if (fabs(more) <= LITTLE) da_text_append(text, "locally is about as good. ");
    else if (more < 0) da_text_printf(text, "locally is better by %.2f points. ", -more);
    else da_text_printf(text, "locally is worse by %.2f points. ", more);
    if (da_result_number(local, "seconds") >= da_result_number(whole, "seconds"))
        da_text_append(text, "Here it saved no time. ");
}

void da_report_conclusion(const da_report *r, da_text *page) {
    da_text text = { 0 };
    const da_result *local = da_report_local(r), *whole = whole_of(r);
    say_original(r, &text);
    if (r->restructure) say_removal(r, &text);
    if (local) say_repair(r, local, &text);
    if (local && whole) say_comparison(local, whole, &text);
    if (text.length > 0) da_html_paragraph(page, da_text_string(&text));
    if (da_text_status(&text) != DA_OK) page->status = text.status;
    da_text_free(&text);
}
