#include "ingest/ct/ct_log.h"

#include <stdlib.h>

#include "ingest/ct/log_protocol.h"
#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"

const char *ct_log_kind_name(enum ct_log_kind kind)
{
    return log_protocol_of(kind)->name;
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

/* How alive a log in this state is. */
static unsigned rank(enum ct_log_state state)
{
    static const unsigned char ranks[] = {
        [CT_LOG_STATE_NONE] = 0, [CT_LOG_REJECTED] = 1,  [CT_LOG_RETIRED] = 2, [CT_LOG_PENDING] = 3,
        [CT_LOG_READONLY] = 4,   [CT_LOG_QUALIFIED] = 5, [CT_LOG_USABLE] = 5,
    };
    return ranks[state];
}

bool ct_log_is_preferred(const struct ct_log *other, const struct ct_log *to)
{
    unsigned one = rank(other->state), two = rank(to->state);
    return one > two || (one == two && other->kind == CT_LOG_TILED && to->kind == CT_LOG_RFC6962);
}

static bool has_same_texts(const struct ct_log *one, const struct ct_log *two)
{
    return strcmp(one->description, two->description) == 0 &&
           strcmp(one->operator_name, two->operator_name) == 0 && strcmp(one->url, two->url) == 0 &&
           strcmp(one->lists, two->lists) == 0 &&
           strcmp(one->list_versions, two->list_versions) == 0;
}

static bool has_same_end(const struct ct_log *one, const struct ct_log *two)
{
    return one->has_final_size == two->has_final_size &&
           one->has_final_root == two->has_final_root && one->final_size == two->final_size &&
           memcmp(one->final_root.bytes, two->final_root.bytes, SHA256_SIZE) == 0;
}

bool ct_log_is_same(const struct ct_log *ct_log, const struct ct_log *other)
{
    return memcmp(ct_log->id, other->id, SHA256_SIZE) == 0 && ct_log->kind == other->kind &&
           ct_log->state == other->state && ct_log->is_draining == other->is_draining &&
           ct_log->is_test == other->is_test && ct_log->has_interval == other->has_interval &&
           ct_log->interval_start_ms == other->interval_start_ms &&
           ct_log->interval_end_ms == other->interval_end_ms && has_same_texts(ct_log, other) &&
           has_same_end(ct_log, other);
}

bool ct_log_read_id(const char *text, uint8_t *id)
{
    struct bytes bytes = bytes_of_string(text);
    return hex_decode(id, SHA256_SIZE, bytes) || base64_decode_exactly(id, SHA256_SIZE, bytes);
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
    copy.list_versions = memory_copy_string(ct_log->list_versions);
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
    free(ct_log->list_versions);
    *ct_log = (struct ct_log){ 0 };
}
