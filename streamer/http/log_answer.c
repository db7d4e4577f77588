#include "streamer/http/log_answer.h"

#include "shared/base/base64.h"
#include "shared/base/decimal.h"
#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/json/json_writer.h"
#include "streamer/stream/lag_history.h"
#include "streamer/stream/log_reports.h"

enum {
    S_PER_MINUTE = 60
};

/* Where the points of the last hour come from. */
struct lag_answer {
    const struct lag_history *history;
    uint64_t now_ms;
};

static void write_number(struct json_writer *writer, enum report_kind kind, struct bytes text)
{
    uint64_t number;
    if (!decimal_parse(&number, text))
        json_null(writer);
    else if (kind == REPORT_MILLISECONDS)
        json_milliseconds(writer, number);
    else
        json_unsigned(writer, number);
}

static void write_value(struct json_writer *writer, enum report_kind kind, const char *value)
{
    struct bytes text = bytes_of_string(value ? value : "");
    bool good = text.size > 0 && (kind != REPORT_FRACTION || decimal_is_fraction(text));
    if (!good)
        json_null(writer);
    else if (kind == REPORT_TEXT || kind == REPORT_REASON)
        json_text(writer, text);
    else if (kind == REPORT_FRACTION)
        json_raw(writer, text);
    else
        write_number(writer, kind, text);
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

/* What is told of a field; NULL if nothing. */
static const char *told_value(const struct log_report *report, enum log_field field)
{
    const char *reason = log_report_quarantine(report);
    if (field == LOG_FIELD_QUARANTINE)
        return reason;
    if (field == LOG_FIELD_QUARANTINE_SINCE && !reason)
        return NULL;
    return report->values[field];
}

static void write_lags(struct json_writer *writer, const struct lag_answer *lags, const char *id,
                       bool are_entries)
{
    json_key(writer, are_entries ? "lag_entries" : "lag_seconds");
    json_begin_array(writer);
    for (unsigned ago = LAG_HISTORY_MINUTES; ago > 0; ago--) {
        struct lag_point point = lag_history_point(lags->history, id, lags->now_ms, ago - 1);
        if (!point.is_known)
            json_null(writer);
        else if (are_entries)
            json_unsigned(writer, point.entries);
        else
            json_milliseconds(writer, point.ms);
    }
    json_end_array(writer);
}

static void write_points(struct json_writer *writer, const struct lag_answer *lags, const char *id)
{
    json_key(writer, "points");
    json_begin_object(writer);
    json_key(writer, "every_seconds");
    json_unsigned(writer, S_PER_MINUTE);
    write_lags(writer, lags, id, false);
    write_lags(writer, lags, id, true);
    json_end_object(writer);
}

static void write_log(struct json_writer *writer, const struct log_report *report,
                      const struct lag_answer *lags)
{
    json_begin_object(writer);
    write_log_id(writer, report->id);
    for (unsigned i = 0; i < LOG_FIELDS_TOLD; i++) {
        if (!log_fields[i].member)
            continue;
        json_key(writer, log_fields[i].member);
        write_value(writer, log_fields[i].kind, told_value(report, (enum log_field)i));
    }
    write_points(writer, lags, report->id);
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

void log_answer_write(struct buffer *out, const struct log_reports *reports, uint64_t now_ms)
{
    struct lag_answer lags = { log_reports_lags(reports), now_ms };
    size_t count;
    struct json_writer writer = json_writer_of(out);
    const struct log_report *logs = log_reports_logs(reports, &count);
    json_begin_object(&writer);
    json_key(&writer, "logs");
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++)
        write_log(&writer, &logs[i], &lags);
    json_end_array(&writer);
    const struct ingest_report *ingests = log_reports_ingests(reports, &count);
    json_key(&writer, "ingests");
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++)
        write_ingest(&writer, &ingests[i]);
    json_end_array(&writer);
    json_end_object(&writer);
}
