#include "ingest/backfill/log_choice.h"

#include <string.h>

static bool is_exactly(const struct ct_log *ct_log, const char *text)
{
    uint8_t id[SHA256_SIZE];
    if (ct_log_read_id(text, id) && memcmp(id, ct_log->id, sizeof id) == 0)
        return true;
    return strcmp(ct_log->url, text) == 0 || strcasecmp(ct_log->description, text) == 0;
}

enum log_choice log_choice_make(const struct roster *roster, const char *text,
                                const struct ct_log **chosen)
{
    enum log_choice choice = LOG_CHOICE_NONE;
    for (size_t i = 0; i < roster->count; i++)
        if (is_exactly(&roster->entries[i].ct_log, text)) {
            *chosen = &roster->entries[i].ct_log;
            return LOG_CHOICE_ONE;
        }
    for (size_t i = 0; i < roster->count; i++) {
        if (!strcasestr(roster->entries[i].ct_log.description, text))
            continue;
        choice = choice == LOG_CHOICE_NONE ? LOG_CHOICE_ONE : LOG_CHOICE_SEVERAL;
        *chosen = &roster->entries[i].ct_log;
    }
    return choice;
}
