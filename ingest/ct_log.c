#include "ingest/ct_log.h"

#include <stdlib.h>

#include "shared/memory.h"

const char *ct_log_kind_name(enum ct_log_kind kind)
{
    return kind == CT_LOG_TILED ? "tiled" : "rfc6962";
}

const char *ct_log_state_name(enum ct_log_state state)
{
    static const char *const names[] = {
        [CT_LOG_STATE_NONE] = "none",     [CT_LOG_PENDING] = "pending",
        [CT_LOG_QUALIFIED] = "qualified", [CT_LOG_USABLE] = "usable",
        [CT_LOG_READONLY] = "readonly",   [CT_LOG_RETIRED] = "retired",
        [CT_LOG_REJECTED] = "rejected",
    };
    return names[state];
}

bool ct_log_is_followed(const struct ct_log *ct_log)
{
    switch (ct_log->state) {
    case CT_LOG_QUALIFIED:
    case CT_LOG_USABLE:
    case CT_LOG_READONLY: return true;
    case CT_LOG_STATE_NONE:
    case CT_LOG_PENDING:
    case CT_LOG_RETIRED:
    case CT_LOG_REJECTED: return false;
    }
    return false;
}

struct ct_log ct_log_copy(const struct ct_log *ct_log)
{
    struct ct_log copy = *ct_log;
    copy.id_base64 = memory_copy_string(ct_log->id_base64);
    copy.key_base64 = memory_copy_string(ct_log->key_base64);
    copy.description = memory_copy_string(ct_log->description);
    copy.operator_name = memory_copy_string(ct_log->operator_name);
    copy.url = memory_copy_string(ct_log->url);
    copy.lists = memory_copy_string(ct_log->lists);
    return copy;
}

void ct_log_clear(struct ct_log *ct_log)
{
    free(ct_log->id_base64);
    free(ct_log->key_base64);
    free(ct_log->description);
    free(ct_log->operator_name);
    free(ct_log->url);
    free(ct_log->lists);
    *ct_log = (struct ct_log){ 0 };
}
