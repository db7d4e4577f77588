#include "tests/support/ct_log/listing.h"

#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/http_message.h"

_Static_assert((int)LISTING_VIEWS == (int)CT_LOG_VIEWS, "a state for each view");

struct listing listing_of_usable_logs(void)
{
    return (struct listing){ .states = { "usable", "usable" } };
}

/* Whether the query is about this view. */
static bool is_meant(struct bytes query, enum ct_log_view view)
{
    char name[LISTING_STATE_SIZE];
    return !http_query_text(query, "list-log", name, sizeof name) ||
           strcmp(name, view == CT_LOG_RFC6962 ? "rfc6962" : "tiled") == 0;
}

static bool is_state(const char *state)
{
    static const char *const states[] = { "",        "gone",     "pending",  "qualified", "usable",
                                          "retired", "rejected", "readonly", "something" };
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(state, states[i]) == 0)
            return true;
    return false;
}

static bool set_state(struct listing *listing, const struct ct_log *log, struct bytes query)
{
    char state[LISTING_STATE_SIZE];
    if (!http_query_text(query, "list-state", state, sizeof state) || !is_state(state))
        return false;
    for (enum ct_log_view view = 0; view < CT_LOG_VIEWS; view++) {
        if (!is_meant(query, view))
            continue;
        memcpy(listing->states[view], state, sizeof state);
        listing->final_size[view] = ct_log_size(log);
    }
    return true;
}

const char *listing_set(struct listing *listing, const struct ct_log *log, struct bytes query)
{
    bool has_extra = http_query_has(query, "list-extra");
    bool has_state = http_query_has(query, "list-state");
    bool has_age = http_query_has(query, "list-age");
    if (has_extra && (!http_query_number(query, "list-extra", &listing->extra_count) ||
                      listing->extra_count > LISTING_EXTRA_MAX))
        return "list-extra: not a number up to 100";
    if (has_state && !set_state(listing, log, query))
        return "list-state: not a state, gone, or nothing";
    if (has_age && (!http_query_number(query, "list-age", &listing->age_s) ||
                    listing->age_s > LISTING_AGE_MAX_S))
        return "list-age: not a number of seconds, up to a year";
    listing->version += has_extra || has_state || has_age;
    return NULL;
}
