#include "ingest/history/pack_plan.h"

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t bounded(uint64_t bytes, uint64_t maximum, uint64_t part)
{
    return maximum ? least_of(bytes, maximum / part) : bytes;
}

/* Of the oldest entries so many that the rest is well below the bound. */
static uint64_t count_beyond(const struct pack_view *view, uint64_t plain_bytes)
{
    if (view->stream_bytes <= plain_bytes)
        return 0;
    uint64_t keep = plain_bytes - plain_bytes / SLACK_PART;
    double share = (double)(view->stream_bytes - keep) / (double)view->stream_bytes;
    return (uint64_t)((double)view->length * share);
}

static bool is_waited_for(const struct pack_limits *limits, const struct pack_view *view,
                          uint64_t hold_bytes)
{
    uint64_t oldest_ms = view->wanted.ms > view->first.ms ? view->wanted.ms : view->first.ms;
    bool is_old = view->redis_ms > limits->hold_ms && oldest_ms < view->redis_ms - limits->hold_ms;
    return limits->hold_ms && !is_old && view->stream_bytes <= hold_bytes;
}

void pack_plan_make(struct pack_plan *plan, const struct pack_limits *limits,
                    const struct pack_view *view)
{
    uint64_t plain_bytes = bounded(limits->plain_bytes, view->maximum, PLAIN_PART);
    uint64_t hold_bytes = bounded(limits->hold_bytes, view->maximum, HOLD_PART);
    *plan = (struct pack_plan){ .ceiling_bytes = 2 * plain_bytes };
    if (!view->length)
        return;
    if (view->redis_ms > limits->plain_ms)
        plan->before.ms = view->redis_ms - limits->plain_ms;
    plan->count = count_beyond(view, plain_bytes);
    plan->is_pressed = plan->count > 0;
    bool is_due = plan->count || stream_id_compare(view->first, plan->before) < 0;
    if (!is_due)
        plan->before = (struct stream_id){ 0 };
    if (!is_due || !view->has_group)
        return;
    /* What would be packed next is what the group wants. */
    bool is_wanted = stream_id_compare(view->wanted, plan->before) < 0 || plan->count;
    if (!is_wanted)
        return;
    if (!is_waited_for(limits, view, hold_bytes)) {
        plan->is_hold_ended = true;
        return;
    }
    plan->is_held = true;
    plan->ceiling_bytes = hold_bytes + plain_bytes;
}
