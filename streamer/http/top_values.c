#include "streamer/http/top_values.h"

static size_t find_top_value(const struct top_values *values, struct bytes text)
{
    size_t at = 0;
    while (at < values->count &&
           !bytes_equal(bytes_of(values->items[at].text, values->items[at].size), text))
        at++;
    return at;
}

/* A new one stands behind all others, or in the place of the last. */
static size_t take_place(struct top_values *values, struct bytes text)
{
    size_t at = values->count;
    if (at < TOP_VALUES_MAX)
        values->count++;
    else
        at--;
    struct top_value *value = &values->items[at];
    value->error = value->count;
    value->size = text.size;
    memcpy(value->text, text.data, text.size);
    return at;
}

/* The frequent ones stand in front, so most searches are short. */
static void move_forward(struct top_values *values, size_t from)
{
    size_t to = from;
    struct top_value moved = values->items[from];
    while (to > 0 && values->items[to - 1].count < moved.count)
        to--;
    if (to == from)
        return;
    memmove(&values->items[to + 1], &values->items[to], (from - to) * sizeof moved);
    values->items[to] = moved;
}

static void add_value(struct top_values *values, struct bytes text, uint64_t count, uint64_t error)
{
    if (text.size > TOP_VALUE_SIZE)
        return;
    size_t at = find_top_value(values, text);
    if (at == values->count)
        at = take_place(values, text);
    values->items[at].count += count;
    values->items[at].error += error;
    move_forward(values, at);
}

void top_values_add(struct top_values *values, struct bytes text, uint64_t count)
{
    add_value(values, text, count, 0);
}

void top_values_merge(struct top_values *values, const struct top_values *others)
{
    for (size_t i = 0; i < others->count; i++) {
        const struct top_value *other = &others->items[i];
        add_value(values, bytes_of(other->text, other->size), other->count, other->error);
    }
}
