#include "streamer/stream/gap.h"

#include "shared/json/json_writer.h"

static const char *reason_name(enum gap_reason reason)
{
    switch (reason) {
    case GAP_TRIMMED: return "trimmed";
    case GAP_SLOW: return "slow";
    }
    return "";
}

static void write_gap_id(struct json_writer *writer, const char *key, struct stream_id id)
{
    char text[STREAM_ID_TEXT_SIZE];
    json_key(writer, key);
    json_text(writer, stream_id_format(text, id));
}

static void write_gap(struct json_writer *writer, const char *key, const struct gap *gap)
{
    json_key(writer, key);
    json_begin_object(writer);
    write_gap_id(writer, "from", gap->from);
    write_gap_id(writer, "to", gap->to);
    json_key(writer, "missed");
    if (gap->is_counted)
        json_unsigned(writer, gap->missed);
    else
        json_null(writer);
    json_key(writer, "reason");
    json_string(writer, reason_name(gap->reason));
    json_end_object(writer);
}

void gap_write(struct buffer *out, const struct gap *gap)
{
    struct json_writer writer = json_writer_of(out);
    json_begin_object(&writer);
    json_key(&writer, "message_type");
    json_string(&writer, "gap");
    write_gap(&writer, "data", gap);
    json_end_object(&writer);
}

void gap_write_heartbeat(struct buffer *out, const struct gap *gap, uint64_t now_ms)
{
    struct json_writer writer = json_writer_of(out);
    json_begin_object(&writer);
    json_key(&writer, "message_type");
    json_string(&writer, "heartbeat");
    json_key(&writer, "timestamp");
    json_milliseconds(&writer, now_ms);
    write_gap(&writer, "gap", gap);
    json_end_object(&writer);
}
