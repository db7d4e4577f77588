/* What a followed log's hash says of how it does (redis/README.md). */
#include <inttypes.h>
#include <stdio.h>

#include "ingest/logs/followed_log.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/redis/report_fields.h"

enum {
    REPORT_FIELDS = 20,
    WAITS_FOR_SIZE = 80,
    /* What a head may be older than its log promises: it is not looked at all the time. */
    HEAD_TOLERANCE_S = 300,
    /* RFC 6962 logs promise a day, tiled ones a minute. */
    MMD_DEFAULT_S = 86400,
    NUMBER_SIZE = 24
};

struct report {
    struct hash_field fields[REPORT_FIELDS];
    char numbers[REPORT_FIELDS][NUMBER_SIZE];
    size_t count;
};

static void add_text(struct report *report, enum log_field field, const char *text)
{
    report->fields[report->count++] =
        (struct hash_field){ bytes_of_string(log_fields[field].name), bytes_of_string(text) };
}

static void add_number(struct report *report, enum log_field field, uint64_t number)
{
    char *text = report->numbers[report->count];
    (void)snprintf(text, NUMBER_SIZE, "%" PRIu64, number);
    add_text(report, field, text);
}

/* Entries per second since the last report, in tenths. */
static uint64_t rate_since_report(struct followed_log *log, uint64_t now_ms)
{
    uint64_t next = log->follower.book.durable;
    uint64_t elapsed_ms = now_ms - log->reported_at_ms;
    bool is_known = log->reported_at_ms && elapsed_ms && next >= log->reported_next;
    uint64_t tenths = is_known ? (next - log->reported_next) * 10000 / elapsed_ms : 0;
    log->reported_next = next;
    log->reported_at_ms = now_ms;
    return tenths;
}

static void add_rate(struct report *report, uint64_t tenths)
{
    char *text = report->numbers[report->count];
    (void)snprintf(text, NUMBER_SIZE, "%" PRIu64 ".%u", tenths / 10, (unsigned)(tenths % 10));
    add_text(report, LOG_FIELD_RATE, text);
}

static uint64_t head_age_s(const struct followed_log *log, uint64_t realtime_ms)
{
    uint64_t head_ms = log->follower.has_head ? log->follower.head.timestamp_ms : realtime_ms;
    return realtime_ms > head_ms ? (realtime_ms - head_ms) / 1000 : 0;
}

/* What it asks for in vain, for those who look after it; "" if it gets what it asks for. */
static void write_waits_for(const struct followed_log *log, char *text, uint64_t *since_ms)
{
    const struct follower *follower = &log->follower;
    const struct log_protocol *protocol = log->protocol;
    const struct follower_slot *slot = &follower->slots[follower->first];
    enum follower_lane lane;
    *text = '\0';
    *since_ms = 0;
    if (!follower_waits_for(follower, &lane, since_ms))
        return;
    switch (lane) {
    case FOLLOWER_LANE_HEAD:
        (void)snprintf(text, WAITS_FOR_SIZE, "%s", protocol->head_name);
        return;
    case FOLLOWER_LANE_START:
        (void)snprintf(text, WAITS_FOR_SIZE, "%s", protocol->start_name);
        return;
    case FOLLOWER_LANE_PROOF:
        (void)snprintf(text, WAITS_FOR_SIZE, "%s of %" PRIu64, protocol->proof_name,
                       follower->book.taken.next);
        return;
    case FOLLOWER_LANE_RANGE:
    case FOLLOWER_LANES: break;
    }
    uint64_t count = follower->count ? slot->count : 1;
    (void)snprintf(text, WAITS_FOR_SIZE, "entries %" PRIu64 "-%" PRIu64, follower->book.taken.next,
                   follower->book.taken.next + count - 1);
}

/* An alarm begins once, and ends when the log gives what it is asked for. */
static void watch_stuck(struct followed_log *log, const char *waits_for, uint64_t since_ms,
                        uint64_t now_ms)
{
    bool is = *waits_for && now_ms - since_ms >= log->services->stuck_ms;
    if (is && !log->is_stuck) {
        log->services->stats->stuck++;
        say_error("log is stuck", "log=%s waits_for=%s seconds=%" PRIu64 " error=%s",
                  say_quoted(log->ct_log.description), say_quoted(waits_for),
                  (now_ms - since_ms) / 1000, say_quoted(log->error));
    }
    if (!is && log->is_stuck)
        say_info("log is stuck no longer", "log=%s", say_quoted(log->ct_log.description));
    log->is_stuck = is;
}

static bool has_old_head(const struct followed_log *log, uint64_t realtime_ms)
{
    uint64_t mmd_s = log->ct_log.mmd_s ? log->ct_log.mmd_s : MMD_DEFAULT_S;
    return log->follower.has_head && log->follower.state != FOLLOWER_FINISHED &&
           head_age_s(log, realtime_ms) > mmd_s + HEAD_TOLERANCE_S;
}

static void add_alarms(struct report *report, struct followed_log *log, char *waits_for,
                       uint64_t realtime_ms, uint64_t now_ms)
{
    uint64_t since_ms;
    write_waits_for(log, waits_for, &since_ms);
    watch_stuck(log, waits_for, since_ms, now_ms);
    log->has_old_head = has_old_head(log, realtime_ms);
    add_text(report, LOG_FIELD_WAITS_FOR, waits_for);
    add_number(report, LOG_FIELD_WAITS_SINCE, *waits_for ? realtime_ms - (now_ms - since_ms) : 0);
    add_number(report, LOG_FIELD_STUCK, log->is_stuck);
    add_number(report, LOG_FIELD_HEAD_OLD, log->has_old_head);
}

void followed_log_report(struct followed_log *log, uint64_t now_ms)
{
    bool is_asleep =
        log->follower.state == FOLLOWER_UNOWNED || log->follower.state == FOLLOWER_LOADING;
    if (is_asleep && !log->is_left_alone)
        return;
    struct report report = { .count = 0 };
    uint64_t realtime_ms = clock_realtime_ms();
    add_text(&report, LOG_FIELD_STATE,
             log->is_left_alone ? "left alone" : follower_state_name(log->follower.state));
    add_text(&report, LOG_FIELD_OWNER, log->services->instance);
    add_number(&report, LOG_FIELD_HEAD_SIZE, log->follower.has_head ? log->follower.head.size : 0);
    add_number(&report, LOG_FIELD_STH_AGE_S, head_age_s(log, realtime_ms));
    add_number(&report, LOG_FIELD_LAG_ENTRIES, follower_lag(&log->follower));
    add_number(&report, LOG_FIELD_LAG_MS, now_ms - log->caught_up_at_ms);
    add_rate(&report, rate_since_report(log, now_ms));
    add_number(&report, LOG_FIELD_HOLD_BYTES, log->window.bytes);
    add_number(&report, LOG_FIELD_STALE_STH_TOTAL, log->stats.stale_heads);
    add_number(&report, LOG_FIELD_MISMATCH_TOTAL, log->stats.mismatches);
    add_text(&report, LOG_FIELD_QUARANTINE, mismatch_class_name(log->quarantine));
    add_number(&report, LOG_FIELD_QUARANTINE_SINCE, log->quarantined_ms);
    add_text(&report, LOG_FIELD_LAST_ERROR, log->error);
    char waits_for[WAITS_FOR_SIZE];
    add_alarms(&report, log, waits_for, realtime_ms, now_ms);
    add_number(&report, LOG_FIELD_UPDATED, realtime_ms);
    publisher_set_fields(log->services->publisher, log->key, report.fields, report.count, 0);
}
