#include "streamer/request/refusal.h"

#include "streamer/request/answer_head.h"

void refusal_write(struct buffer *out, struct refusal refusal, bool is_head, uint64_t realtime_ms)
{
    const struct answer_head head = {
        .status = refusal.status,
        .content_type = "application/json; charset=utf-8",
        .body_size = strlen("{\"error\":\"\"}") + strlen(refusal.text),
        .cache_control = "no-store",
        .more = "access-control-allow-origin: *\r\n",
    };
    answer_head_write(out, &head, realtime_ms);
    if (is_head)
        return;
    buffer_append_string(out, "{\"error\":\"");
    buffer_append_string(out, refusal.text);
    buffer_append_string(out, "\"}");
}
