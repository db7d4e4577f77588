#include "streamer/http/log_answer.h"

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/json/json_writer.h"
#include "streamer/stream/log_reports.h"

enum conversion {
    CONVERT_TEXT,
    CONVERT_NUMBER,
    CONVERT_MILLISECONDS, /* to seconds */
    CONVERT_DECIMAL,      /* a fraction, as it is */
};

static void write_number(struct json_writer *writer, enum conversion conversion, struct bytes text)
{
    uint64_t number;
    if (!decimal_parse(&number, text))
        json_null(writer);
    else if (conversion == CONVERT_MILLISECONDS)
        json_milliseconds(writer, number);
    else
        json_unsigned(writer, number);
}

static void write_value(struct json_writer *writer, enum conversion conversion, const char *value)
{
    struct bytes text = bytes_of_string(value ? value : "");
    bool good = text.size > 0 && (conversion != CONVERT_DECIMAL || decimal_is_fraction(text));
    if (!good)
        json_null(writer);
    else if (conversion == CONVERT_TEXT)
        json_text(writer, text);
    else if (conversion == CONVERT_DECIMAL)
        json_raw(writer, text);
    else
        write_number(writer, conversion, text);
}

/* The form is that of the messages' source.log_id. */
static void write_log_id(struct json_writer *writer, const char *hex)
{
    uint8_t id[SHA256_SIZE];
    bool good = hex_decode(id, sizeof id, bytes_of_string(hex));
    json_key(writer, "log_id");
    if (!good) {
        json_null(writer);
        return;
    }
    struct buffer text;
    buffer_init(&text, base64_encoded_size(sizeof id));
    base64_encode(&text, bytes_of(id, sizeof id));
    json_text(writer, buffer_bytes(&text));
    buffer_free(&text);
}

static void write_log(struct json_writer *writer, const struct log_report *report)
{
    static const struct {
        const char *key;
        enum log_field field;
        enum conversion conversion;
    } members[] = {
        { "name", LOG_FIELD_DESCRIPTION, CONVERT_TEXT },
        { "operator", LOG_FIELD_OPERATOR, CONVERT_TEXT },
        { "url", LOG_FIELD_URL, CONVERT_TEXT },
        { "type", LOG_FIELD_TYPE, CONVERT_TEXT },
        { "list_state", LOG_FIELD_LIST_STATE, CONVERT_TEXT },
        { "following", LOG_FIELD_FOLLOWING, CONVERT_TEXT },
        { "state", LOG_FIELD_STATE, CONVERT_TEXT },
        { "position", LOG_FIELD_NEXT, CONVERT_NUMBER },
        { "tree_size", LOG_FIELD_HEAD_SIZE, CONVERT_NUMBER },
        { "verified_size", LOG_FIELD_VERIFIED_SIZE, CONVERT_NUMBER },
        { "head_timestamp", LOG_FIELD_STH_TIMESTAMP, CONVERT_MILLISECONDS },
        { "head_age_seconds", LOG_FIELD_STH_AGE_S, CONVERT_NUMBER },
        { "lag_entries", LOG_FIELD_LAG_ENTRIES, CONVERT_NUMBER },
        { "lag_seconds", LOG_FIELD_LAG_MS, CONVERT_MILLISECONDS },
        { "entries_per_second", LOG_FIELD_RATE, CONVERT_DECIMAL },
        { "last_error", LOG_FIELD_LAST_ERROR, CONVERT_TEXT },
        { "owner", LOG_FIELD_OWNER, CONVERT_TEXT },
        { "updated", LOG_FIELD_UPDATED, CONVERT_MILLISECONDS },
    };
    json_begin_object(writer);
    write_log_id(writer, report->id);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_key(writer, members[i].key);
        write_value(writer, members[i].conversion, report->values[members[i].field]);
    }
    json_key(writer, "quarantine");
    write_value(writer, CONVERT_TEXT, log_report_quarantine(report));
    json_key(writer, "quarantine_since");
    write_value(writer, CONVERT_MILLISECONDS,
                log_report_quarantine(report) ? report->values[LOG_FIELD_QUARANTINE_SINCE] : NULL);
    json_end_object(writer);
}

/* Its counters have the names that they have in Redis; they come from outside. */
static void write_ingest(struct json_writer *writer, const struct ingest_report *ingest)
{
    struct buffer *out = writer->out;
    json_begin_object(writer);
    json_key(writer, "instance");
    json_string(writer, ingest->instance);
    for (size_t i = 0; i < ingest->count; i++) {
        uint64_t number;
        if (!decimal_parse(&number, bytes_of_string(ingest->values[i].value)))
            continue;
        buffer_append_string(out, ",\"");
        json_escape(out, bytes_of_string(ingest->values[i].name));
        buffer_append_string(out, "\":");
        buffer_append_unsigned(out, number);
    }
    json_end_object(writer);
}

void log_answer_write(struct buffer *out, const struct log_reports *reports)
{
    size_t count;
    struct json_writer writer = json_writer_of(out);
    const struct log_report *logs = log_reports_logs(reports, &count);
    json_begin_object(&writer);
    json_key(&writer, "logs");
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++)
        write_log(&writer, &logs[i]);
    json_end_array(&writer);
    const struct ingest_report *ingests = log_reports_ingests(reports, &count);
    json_key(&writer, "ingests");
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++)
        write_ingest(&writer, &ingests[i]);
    json_end_array(&writer);
    json_end_object(&writer);
}
