/* Building an optimizer: options, groups, state. The arithmetic is in optimizer_step.c. */
#include "core/memory.h"
#include "optim/optimizer_parts.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROW(NAME, name) extern const dai_rule dai_rule_##name;
DA_OPTIMIZERS(ROW)
#undef ROW
#define ROW(NAME, name) { #name, &dai_rule_##name },
static const struct { const char *name; const dai_rule *rule; } rows[] = { DA_OPTIMIZERS(ROW) };

const dai_rule *dai_rule_of(da_optimizer_kind kind) { return rows[kind].rule; }

da_optimizer_options da_optimizer_defaults(da_optimizer_kind kind) { return dai_rule_of(kind)->defaults; }
float                da_optimizer_rate(da_optimizer_kind kind) { return dai_rule_of(kind)->rate; }

bool da_optimizer_uses(da_optimizer_kind kind, const char *option) {
    return strstr(dai_rule_of(kind)->uses, option) != NULL;
}

const char *da_optimizer_name(da_optimizer_kind kind) {
    return (unsigned)kind < DA_OPTIMIZER_COUNT ? rows[kind].name : "unknown";
}

static da_status check_share(da_optimizer_kind kind, const char *what, float value) {
    if (!(value >= 0 && value < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer %s: %s is %g: it must be at least 0 and below 1",
                       da_optimizer_name(kind), what, (double)value);
    return DA_OK;
}

static da_status check_positive(da_optimizer_kind kind, const char *what, float value) {
    if (!(value >= 0 && isfinite(value)))
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer %s: %s is %g: it must be 0 or more", da_optimizer_name(kind), what,
                       (double)value);
    return DA_OK;
}

static da_status check_unused(const da_optimizer_options *o) {
    const struct { bool set; const char *option, *words; } options[] = {
        { o->momentum > 0, "momentum", "momentum (beta1 plays that part)" }, { o->nesterov, "nesterov", "nesterov" },
        { o->beta1 > 0 || o->beta2 > 0, "betas", "betas" }, { o->epsilon > 0, "epsilon", "epsilon" } };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (options[i].set && !da_optimizer_uses(o->kind, options[i].option))
            return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer %s: has no use for %s: leave it out", da_optimizer_name(o->kind),
                           options[i].words);
    return DA_OK;
}

da_status da_optimizer_check(const da_optimizer_options *o) {
    if ((unsigned)o->kind >= DA_OPTIMIZER_COUNT)
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer: kind %d is unknown", (int)o->kind);
    DA_TRY(check_share(o->kind, "momentum", o->momentum));
    DA_TRY(check_share(o->kind, "beta1", o->beta1));
    DA_TRY(check_share(o->kind, "beta2", o->beta2));
    DA_TRY(check_positive(o->kind, "epsilon", o->epsilon));
    DA_TRY(check_positive(o->kind, "weight decay", o->weight_decay));
    DA_TRY(check_positive(o->kind, "the clipping norm", o->clip));
    DA_TRY(check_unused(o));
    if (o->nesterov && !(o->momentum > 0))
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer sgd: nesterov needs a momentum above 0");
    if (da_optimizer_uses(o->kind, "epsilon") && !(o->epsilon > 0))
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer %s: epsilon must be above 0, or a gradient of 0 divides by 0",
                       da_optimizer_name(o->kind));
    return DA_OK;
}

static bool glob_matches(const char *glob, const char *text) { return fnmatch(glob, text, 0) == 0; }

static da_status check_groups(const da_parameter_list *list, const da_parameter_group *groups, int count) {
    for (int g = 0; g < count; g++) {
        const da_parameter_group *group = &groups[g];
        if (!(group->rate_factor >= 0 && isfinite(group->rate_factor) && group->weight_decay >= 0 &&
              isfinite(group->weight_decay)))
            return DA_FAIL(DA_ERROR_ARGUMENT,
                           "parameter group '%s': rate factor %g and weight decay %g must be 0 or more", group->glob,
                           (double)group->rate_factor, (double)group->weight_decay);
        int matches = 0;
        for (int i = 0; i < list->count; i++)
            matches += !list->items[i].parameter->buffer && glob_matches(group->glob, list->items[i].name);
        if (matches == 0)
            return DA_FAIL(DA_ERROR_ARGUMENT, "parameter group '%s': no parameter has such a name (the first is '%s')",
                           group->glob, list->count ? list->items[0].name : "");
    }
    return DA_OK;
}

static int count_states(const da_optimizer_options *o) {
    int count = 0;
    if (da_optimizer_uses(o->kind, "momentum") && !(o->momentum > 0)) return 0;
    while (count < DAI_STATES && dai_rule_of(o->kind)->states[count]) count++;
    return count;
}

static da_status slot_init(da_optimizer *o, dai_slot *slot, const da_named_parameter *item) {
    slot->parameter = item->parameter;
    const da_tensor *value = &item->parameter->value;
    for (int s = 0; s < o->states; s++) {
        DA_TRY(da_tensor_zeros(&slot->state[s], DA_FLOAT32, value->ndim, value->shape));
        size_t size = strlen(item->name) + sizeof "optimizer/.momentum";
        slot->state_name[s] = da_alloc(size);
        if (!slot->state_name[s]) return DA_ERROR_MEMORY;
        snprintf(slot->state_name[s], size, "optimizer/%s.%s", item->name, dai_rule_of(o->options.kind)->states[s]);
    }
    return DA_OK;
}

static void slot_assign_group(da_optimizer *o, dai_slot *slot, const char *name, const da_parameter_group *groups,
                              int count) {
    bool spared = o->options.decay_weights_only && slot->parameter->value.ndim < 2;
    slot->rate_factor = 1;
    slot->decay = spared ? 0 : o->options.weight_decay;
    for (int g = 0; g < count; g++) {
        if (!glob_matches(groups[g].glob, name)) continue;
        slot->rate_factor = groups[g].rate_factor;
        slot->decay = groups[g].weight_decay;
        return;
    }
}

static da_status cut_into_chunks(da_optimizer *o) {
    for (int s = 0; s < o->slot_count; s++)
        o->chunk_count += (da_tensor_count(&o->slots[s].parameter->value) + DAI_CHUNK - 1) / DAI_CHUNK;
    o->chunks = da_alloc_zero((size_t)o->chunk_count, sizeof *o->chunks);
    o->sums = da_alloc_zero((size_t)o->chunk_count, sizeof *o->sums);
    if (!o->chunks || !o->sums) return DA_ERROR_MEMORY;
    dai_chunk *chunk = o->chunks;
    for (int s = 0; s < o->slot_count; s++) {
        int64_t count = da_tensor_count(&o->slots[s].parameter->value);
        for (int64_t begin = 0; begin < count; begin += DAI_CHUNK)
            *chunk++ = (dai_chunk){ s, begin, count - begin < DAI_CHUNK ? count - begin : DAI_CHUNK };
    }
    return DA_OK;
}

static bool trains(const da_parameter *parameter) { return !parameter->buffer && !parameter->frozen; }

static da_status build(da_optimizer *o, const da_parameter_list *list, const da_parameter_group *groups,
                       int group_count) {
    DA_TRY(check_groups(list, groups, group_count));
    int count = 0;
    for (int i = 0; i < list->count; i++) count += trains(list->items[i].parameter);
    if (count == 0)
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer: nothing to train: the model has no parameter that is not frozen");
    o->slots = da_alloc_zero((size_t)count, sizeof *o->slots);
    if (!o->slots) return DA_ERROR_MEMORY;
    for (int i = 0; i < list->count; i++) {
        if (!trains(list->items[i].parameter)) continue;
        dai_slot *slot = &o->slots[o->slot_count++];
        DA_TRY(slot_init(o, slot, &list->items[i]));
        slot_assign_group(o, slot, list->items[i].name, groups, group_count);
    }
    return cut_into_chunks(o);
}

da_status da_optimizer_new(da_optimizer **optimizer, da_model *model, const da_optimizer_options *options,
                           const da_parameter_group *groups, int group_count) {
    DA_TRY(da_optimizer_check(options));
    da_parameter_list list = { 0 };
    DA_TRY(da_model_parameters(model, &list));
    da_optimizer *o = da_alloc_zero(1, sizeof *o);
    da_status status = o ? DA_OK : DA_ERROR_MEMORY;
    if (o) {
        o->options = *options;
        o->states = count_states(options);
        status = build(o, &list, groups, group_count);
    }
    da_parameter_list_free(&list);
    if (status == DA_OK) *optimizer = o;
    else da_optimizer_free(o);
    return status;
}

da_status da_optimizer_set_momentum(da_optimizer *o, float momentum) {
    if (!(o->options.momentum > 0) || !(momentum > 0 && momentum < 1))
        return DA_FAIL(DA_ERROR_ARGUMENT, "optimizer %s: with momentum %g it cannot go on with momentum %g",
                       da_optimizer_name(o->options.kind), (double)o->options.momentum, (double)momentum);
    o->options.momentum = momentum;
    return DA_OK;
}

void da_optimizer_free(da_optimizer *o) {
    if (!o) return;
    for (int s = 0; s < o->slot_count; s++) {
        for (int i = 0; i < DAI_STATES; i++) {
            da_tensor_free(&o->slots[s].state[i]);
            da_free(o->slots[s].state_name[i]);
        }
    }
    da_free(o->slots);
    da_free(o->chunks);
    da_free(o->sums);
    da_free(o);
}

int64_t da_optimizer_steps(const da_optimizer *o) { return o->steps; }
void da_optimizer_set_steps(da_optimizer *o, int64_t steps) { o->steps = steps; }
int da_optimizer_state_count(const da_optimizer *o) { return o->slot_count * o->states; }
const char *da_optimizer_state_name(const da_optimizer *o, int i) {
    return o->slots[i / o->states].state_name[i % o->states];
}
da_tensor *da_optimizer_state_tensor(da_optimizer *o, int i) { return &o->slots[i / o->states].state[i % o->states]; }

/* Infinity can be: the square of a large gradient. */
static bool possible(const da_tensor *state, bool square) {
    const float *values = da_tensor_floats(state);
    for (int64_t i = 0; i < da_tensor_count(state); i++)
        if (isnan(values[i]) || (square && values[i] < 0)) return false;
    return true;
}

da_status da_optimizer_state_check(const da_optimizer *o) {
    for (int s = 0; s < o->slot_count; s++)
        for (int i = 0; i < o->states; i++)
            if (!possible(&o->slots[s].state[i], i == 1)) /* moment2 */
                return DA_FAIL(DA_ERROR_FORMAT, "tensor '%s' holds a value that no training gives",
                               o->slots[s].state_name[i]);
    return DA_OK;
}
