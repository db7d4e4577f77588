/* Any bytes as a log list: what is taken from it is complete and safe to put into keys, URLs and lines. */
#include <stdlib.h>

#include "ingest/log_list.h"
#include "shared/bytes.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_list list = { 0 };
    bool allow_http = size % 2;
    (void)log_list_parse(&list, bytes_of(data, size), allow_http);
    for (size_t i = 0; i < list.count; i++) {
        const struct ct_log *ct_log = &list.logs[i];
        bool good =
            strlen(ct_log->id_hex) == CONTRACT_LOG_ID_HEX &&
            ct_log->url[strlen(ct_log->url) - 1] == '/' && !strpbrk(ct_log->url, " \r\n\"") &&
            (allow_http || strncmp(ct_log->url, "https://", 8) == 0) && ct_log->description &&
            ct_log->operator_name && log_list_find(&list, ct_log->id) == ct_log;
        if (!good)
            abort();
    }
    log_list_clear(&list);
    return 0;
}
