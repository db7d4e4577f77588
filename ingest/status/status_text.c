#include "ingest/status/status_text.h"

#include <string.h>

#include "shared/base/decimal.h"
#include "shared/json/json_writer.h"

enum {
    DESCRIPTION_WIDTH = 38,
    TROUBLES_MAX = 8,
};

static void append_padded(struct buffer *out, const char *text, size_t width)
{
    size_t written = terminal_append_text(out, bytes_of_string(text), width);
    for (; written < width; written++)
        buffer_append_byte(out, ' ');
}

static const char *log_text(const struct status_log *log, enum log_field field)
{
    return log->texts[field] ? log->texts[field] : "";
}

static unsigned long long log_number(const struct status_log *log, enum log_field field)
{
    return status_number(log->texts[field]);
}

/* How long ago, in the largest unit of which there are two. */
static void append_age(struct buffer *out, unsigned long long ms)
{
    unsigned long long seconds = ms / 1000;
    if (seconds < 120)
        buffer_append_format(out, "%llu s", seconds);
    else if (seconds < 7200)
        buffer_append_format(out, "%llu min", seconds / 60);
    else
        buffer_append_format(out, "%llu h", seconds / 3600);
}

static unsigned long long since(unsigned long long then_ms, unsigned long long now_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static void write_ingest_row(struct buffer *out, const struct status_ingest *ingest,
                             bool has_shards, unsigned long long now_ms)
{
    unsigned long long values[INGEST_FIELDS];
    for (size_t i = 0; i < INGEST_FIELDS; i++)
        values[i] = status_number(ingest->texts[i]);
    unsigned long long up_s = since(values[INGEST_FIELD_STARTED_MS], now_ms) / 1000;
    buffer_append_string(out, "ingest    ");
    (void)terminal_append_text(out, bytes_of_string(ingest->name), SIZE_MAX);
    if (has_shards)
        buffer_append_format(out, " in shard %u", ingest->shard);
    buffer_append_format(out, ", up for %llu:%02llu h, knows %llu logs, follows %llu\n",
                         up_s / 3600, up_s / 60 % 60, values[INGEST_FIELD_LOGS],
                         values[INGEST_FIELD_LOGS_OWNED]);
    buffer_append_format(
        out,
        "          %llu requests (%llu failed), %.1f MB; %llu heads, %llu roots reproduced, "
        "%llu different\n",
        values[INGEST_FIELD_REQUESTS], values[INGEST_FIELD_REQUEST_FAILURES],
        (double)values[INGEST_FIELD_BYTES_TOTAL] / 1e6, values[INGEST_FIELD_HEADS],
        values[INGEST_FIELD_ROOTS_REPRODUCED], values[INGEST_FIELD_ROOTS_DIFFERENT]);
    buffer_append_format(
        out,
        "          %llu entries appended; appends: %llu refused, %llu failed; Redis lost %llu "
        "times; %.1f MB held\n",
        values[INGEST_FIELD_APPENDED_ENTRIES], values[INGEST_FIELD_APPENDS_REFUSED],
        values[INGEST_FIELD_APPENDS_FAILED], values[INGEST_FIELD_REDIS_DROPS],
        (double)values[INGEST_FIELD_HOLD_BYTES] / 1e6);
}

static size_t count_logs_of(const struct status *status, size_t shard)
{
    size_t count = 0;
    for (size_t i = 0; i < status->log_count; i++)
        count += status->logs[i].shard == shard;
    return count;
}

static void write_processes(struct buffer *out, const struct status *status,
                            unsigned long long now_ms)
{
    for (size_t i = 0; i < status->ingest_count; i++)
        write_ingest_row(out, &status->ingests[i], status->shard_count > 1, now_ms);
    for (size_t i = 0; i < status->streamer_count; i++) {
        buffer_append_string(out, "streamer  connected to Redis for ");
        append_age(out, status->streamer_ages_s[i] * 1000);
        buffer_append_byte(out, '\n');
    }
    for (size_t i = 0; status->shard_count > 1 && i < status->shard_count; i++) {
        buffer_append_format(out, "shard %zu   ", i);
        (void)terminal_append_text(out, bytes_of_string(status->shards[i].prefix), SIZE_MAX);
        buffer_append_format(out, ", %zu logs, %llu certificates\n", count_logs_of(status, i),
                             status->shards[i].entries);
    }
    buffer_append_format(out, "stream    %llu certificates\n", status->entries);
}

/* The former is reported every 2 s, the latter moves with the position. */
static unsigned long long head_of(const struct status_log *log)
{
    unsigned long long head = log_number(log, LOG_FIELD_HEAD_SIZE);
    unsigned long long signed_size = log_number(log, LOG_FIELD_STH_SIZE);
    return head > signed_size ? head : signed_size;
}

static unsigned long long behind_of(const struct status_log *log)
{
    unsigned long long head = head_of(log), next = log_number(log, LOG_FIELD_NEXT);
    return log->texts[LOG_FIELD_NEXT] && head > next ? head - next : 0;
}

/* "2 logs, 4 entries behind, 1 quarantined" */
static void write_summary(struct buffer *out, const struct status *status,
                          unsigned long long now_ms)
{
    static const char *const troubles[TROUBLES_MAX] = { "quarantined", "left alone", "not followed",
                                                        "stuck",       "old head",   "behind" };
    unsigned long long behind = 0;
    size_t counts[TROUBLES_MAX] = { 0 };
    for (size_t i = 0; i < status->log_count; i++) {
        const char *trouble = status_log_trouble(&status->logs[i], now_ms);
        behind += behind_of(&status->logs[i]);
        for (size_t j = 0; trouble && troubles[j]; j++)
            counts[j] += strcmp(troubles[j], trouble) == 0;
    }
    buffer_append_format(out, "logs      %zu logs, %llu entries behind", status->log_count, behind);
    for (size_t j = 0; j < TROUBLES_MAX && troubles[j]; j++)
        if (counts[j])
            buffer_append_format(out, ", %zu %s", counts[j], troubles[j]);
    buffer_append_byte(out, '\n');
}

static void write_since(struct buffer *out, const char *what, unsigned long long then_ms,
                        unsigned long long now_ms, const char *text)
{
    buffer_append_format(out, "  %s for ", what);
    if (then_ms)
        append_age(out, since(then_ms, now_ms));
    else
        buffer_append_string(out, "an unknown time");
    buffer_append_string(out, ": ");
    (void)terminal_append_text(out, bytes_of_string(text), SIZE_MAX);
    buffer_append_byte(out, '\n');
}

static void write_notes(struct buffer *out, const struct status_log *log, unsigned long long now_ms)
{
    const char *quarantine = log_text(log, LOG_FIELD_QUARANTINE);
    const char *waits_for = log_text(log, LOG_FIELD_WAITS_FOR);
    const char *error = log_text(log, LOG_FIELD_LAST_ERROR);
    if (*quarantine)
        write_since(out, "in quarantine", log_number(log, LOG_FIELD_QUARANTINE_SINCE), now_ms,
                    quarantine);
    if (*waits_for)
        write_since(out, "waits in vain", log_number(log, LOG_FIELD_WAITS_SINCE), now_ms,
                    waits_for);
    if (!*error)
        return;
    buffer_append_string(out, "  last error: ");
    (void)terminal_append_text(out, bytes_of_string(error), SIZE_MAX);
    buffer_append_byte(out, '\n');
}

static void write_log_row(struct buffer *out, const struct terminal *terminal,
                          const struct status_log *log, unsigned long long now_ms)
{
    const char *trouble = status_log_trouble(log, now_ms);
    bool is_red = trouble && strcmp(trouble, "behind") != 0;
    enum terminal_colour colour = is_red    ? TERMINAL_RED
                                  : trouble ? TERMINAL_YELLOW
                                            : TERMINAL_GREEN;
    append_padded(out, log_text(log, LOG_FIELD_DESCRIPTION), DESCRIPTION_WIDTH);
    buffer_append_byte(out, ' ');
    append_padded(out, log_text(log, LOG_FIELD_TYPE), 8);
    buffer_append_string(out, terminal_colour(terminal, colour));
    append_padded(out, trouble ? trouble : log_text(log, LOG_FIELD_STATE), 16);
    buffer_append_string(out, terminal_colour(terminal, TERMINAL_PLAIN));
    (void)terminal_append_text(out, bytes_of_string(log_text(log, LOG_FIELD_OWNER)), 30);
    buffer_append_format(out, "\n  %11llu %11llu %11llu %11llu %9.1f ",
                         log_number(log, LOG_FIELD_NEXT), head_of(log),
                         log_number(log, LOG_FIELD_VERIFIED_SIZE), behind_of(log),
                         behind_of(log) ? (double)log_number(log, LOG_FIELD_LAG_MS) / 1000 : 0);
    const char *rate = log_text(log, LOG_FIELD_RATE);
    append_padded(out, decimal_is_fraction(bytes_of_string(rate)) ? rate : "-", 8);
    buffer_append_byte(out, '\n');
    write_notes(out, log, now_ms);
}

void status_text_write(struct buffer *out, const struct terminal *terminal,
                       const struct status *status, bool logs_only, unsigned long long now_ms)
{
    if (!logs_only)
        write_processes(out, status, now_ms);
    write_summary(out, status, now_ms);
    if (status->log_count == 0)
        return;
    buffer_append_format(out, "\n%s%-38s %-8s%-16s%s\n", terminal_colour(terminal, TERMINAL_DIM),
                         "log", "kind", "state", "followed by");
    buffer_append_format(out, "  %11s %11s %11s %11s %9s %s%s\n", "position", "head", "verified",
                         "behind", "seconds", "per s", terminal_colour(terminal, TERMINAL_PLAIN));
    for (size_t i = 0; i < status->log_count; i++)
        write_log_row(out, terminal, &status->logs[i], now_ms);
}

static void write_field(struct json_writer *writer, const struct report_field *field,
                        const char *text)
{
    uint64_t number;
    bool is_number = text && (field->kind == REPORT_NUMBER || field->kind == REPORT_MILLISECONDS) &&
                     decimal_parse(&number, bytes_of_string(text));
    json_key(writer, field->name);
    if (is_number)
        json_unsigned(writer, number);
    else if (text && field->kind == REPORT_FRACTION && decimal_is_fraction(bytes_of_string(text)))
        json_raw(writer, bytes_of_string(text));
    else if (text)
        json_string(writer, text);
    else
        json_null(writer);
}

/* Only where there are several. */
static void write_shard(struct json_writer *writer, const struct status *status, unsigned shard)
{
    if (status->shard_count == 1)
        return;
    json_key(writer, "shard");
    json_unsigned(writer, shard);
}

static void write_json_shards(struct json_writer *writer, const struct status *status)
{
    json_begin_array(writer);
    for (size_t i = 0; i < status->shard_count; i++) {
        json_begin_object(writer);
        json_key(writer, "prefix");
        json_string(writer, status->shards[i].prefix);
        json_key(writer, "entries");
        json_unsigned(writer, status->shards[i].entries);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_json_logs(struct json_writer *writer, const struct status *status,
                            unsigned long long now_ms)
{
    json_begin_array(writer);
    for (size_t i = 0; i < status->log_count; i++) {
        const struct status_log *log = &status->logs[i];
        const char *trouble = status_log_trouble(log, now_ms);
        json_begin_object(writer);
        json_key(writer, "log_id");
        json_string(writer, log->id);
        write_shard(writer, status, log->shard);
        json_key(writer, "trouble");
        json_text_or_null(writer, trouble ? bytes_of_string(trouble) : (struct bytes){ NULL, 0 });
        for (size_t field = 0; field < LOG_FIELDS_TOLD; field++)
            write_field(writer, &log_fields[field], log->texts[field]);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_json_ingests(struct json_writer *writer, const struct status *status)
{
    json_begin_array(writer);
    for (size_t i = 0; i < status->ingest_count; i++) {
        json_begin_object(writer);
        json_key(writer, "instance");
        json_string(writer, status->ingests[i].name);
        write_shard(writer, status, status->ingests[i].shard);
        for (size_t field = 0; field < INGEST_FIELDS; field++)
            write_field(writer, &ingest_fields[field], status->ingests[i].texts[field]);
        json_end_object(writer);
    }
    json_end_array(writer);
}

void status_text_write_json(struct buffer *out, const struct status *status,
                            unsigned long long now_ms)
{
    static const char *const verdicts[] = { "well", "behind", "down" };
    struct json_writer writer = json_writer_of(out);
    json_begin_object(&writer);
    json_key(&writer, "verdict");
    json_string(&writer, verdicts[status_judge(status, now_ms)]);
    json_key(&writer, "redis");
    json_string(&writer, *status->reason ? status->reason : "up");
    json_key(&writer, "entries");
    json_unsigned(&writer, status->entries);
    if (status->shard_count > 1) {
        json_key(&writer, "shards");
        write_json_shards(&writer, status);
    }
    json_key(&writer, "streamers");
    json_unsigned(&writer, status->streamer_count);
    json_key(&writer, "ingests");
    write_json_ingests(&writer, status);
    json_key(&writer, "logs");
    write_json_logs(&writer, status, now_ms);
    json_end_object(&writer);
    buffer_append_byte(out, '\n');
}
