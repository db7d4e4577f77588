#include "streamer/tail/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "shared/base/context.h"
#include "shared/base/jitter.h"
#include "shared/base/memory.h"
#include "shared/json/json_reader.h"
#include "shared/process/clock.h"
#include "streamer/tail/message_row.h"
#include "streamer/tail/server_link.h"
#include "streamer/tail/tail_output.h"

enum {
    ID_SIZE = 64,
    /* Rows wait in a pipe for no longer than this. */
    FLUSH_MS = 100,
    /* What a server may have read and not sent yet when it was last heard of. */
    HEARD_SLACK_S = 15,
    /* How often it is looked whether somebody still reads, and whether to stop. */
    LOOK_MS = 500,
    RETRY_MS = 250,
    RETRY_MAX_MS = 30 * 1000,
};

enum tail_timer {
    TIMER_FLUSH,
    TIMER_LOOK,
    TIMER_RETRY,
};

#define TAIL_MARK CONTEXT_MARK('T', 'A', 'I', 'L')

struct tail {
    uint32_t mark; /* TAIL_MARK */
    const struct tail_settings *settings;
    const volatile int *stop;
    struct server_url url;
    struct server_link *link;
    struct row_style style;
    struct terminal errors; /* standard error */
    struct tail_output output;
    bool flush_is_set;
    bool has_been_open;
    bool is_open;
    char last_id[ID_SIZE];  /* of the last message printed; "": there was none, or it had none */
    bool has_printed;       /* a message, with an id or without */
    uint64_t last_heard_ms; /* anything; monotonic */
    uint64_t retry_ms;
    int code;
};

/* One line about what happened, on standard error; never in between the rows. */
static void tell_reader(struct tail *tail, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell_reader(struct tail *tail, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct buffer harmless;
    buffer_init(&harmless, SIZE_MAX);
    (void)terminal_append_text(&harmless, bytes_of_string(text), SIZE_MAX);
    buffer_append_byte(&harmless, '\0');
    (void)fprintf(stderr, "%scertstream-tail: %s%s\n",
                  terminal_colour(&tail->errors, TERMINAL_YELLOW), (const char *)harmless.data,
                  terminal_colour(&tail->errors, TERMINAL_PLAIN));
    buffer_free(&harmless);
}

static void end(struct tail *tail, int code)
{
    tail->code = code;
    server_link_stop(tail->link);
}

/* What became of writing. */
static void heed(struct tail *tail, enum tail_output_result result)
{
    if (result == TAIL_OUTPUT_FAILED)
        tell_reader(tail, "standard output: %s", strerror(errno));
    if (result != TAIL_OUTPUT_GOOD) {
        buffer_clear(&tail->output.rows);
        end(tail, result == TAIL_OUTPUT_LEFT ? EXIT_SUCCESS : EXIT_FAILURE);
    }
}

static void on_flush(void *context)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    tail->flush_is_set = false;
    heed(tail, tail_output_flush(&tail->output));
}

static void on_look(void *context)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    if (*tail->stop)
        end(tail, EXIT_SUCCESS);
    else
        heed(tail, tail_output_look(&tail->output));
    tail->style.terminal = terminal_of(stdout); /* it may have another width now */
    server_link_set_timer(tail->link, TIMER_LOOK, LOOK_MS, on_look);
}

static void write_rows(struct tail *tail)
{
    heed(tail, tail_output_add(&tail->output));
    if (!tail->output.rows.size || tail->flush_is_set)
        return;
    tail->flush_is_set = true;
    server_link_set_timer(tail->link, TIMER_FLUSH, FLUSH_MS, on_flush);
}

static void tell_gap(struct tail *tail, const struct server_message *message)
{
    const char *reason = message->reason ? message->reason : "not said why";
    if (message->missed >= 0)
        tell_reader(tail, "gap: %.0f certificates are missing here (%s)", message->missed, reason);
    else
        tell_reader(tail, "gap: certificates are missing here, nobody knows how many (%s)", reason);
}

static void on_message(void *context, struct bytes text)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    struct server_message message;
    tail->last_heard_ms = clock_monotonic_ms();
    server_message_read(&message, text);
    if (message.kind == SERVER_MESSAGE_GAP)
        tell_gap(tail, &message);
    else if (message.kind == SERVER_MESSAGE_BROKEN)
        tell_reader(tail, "the server sent something that is no JSON object; passed over");
    else if (message.kind != SERVER_MESSAGE_OTHER) {
        tail->has_printed = true;
        message_row_write(&tail->output.rows, &tail->style, &message, text);
        if (message.id && strlen(message.id) < ID_SIZE)
            memcpy(tail->last_id, message.id, strlen(message.id) + 1);
        write_rows(tail);
    }
    server_message_clear(&message);
}

static void on_oversize(void *context)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    tell_reader(tail, "a message was longer than %d MB; passed over", SERVER_MESSAGE_MAX >> 20);
}

static void on_open(void *context)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    if (tail->has_been_open && *tail->last_id)
        tell_reader(tail, "connected again; going on behind %s", tail->last_id);
    else if (tail->has_been_open && !tail->has_printed)
        tell_reader(tail, "connected again");
    else if (tail->has_been_open)
        tell_reader(tail,
                    "connected again; this server has no ids: what came meanwhile is missing");
    tail->has_been_open = tail->is_open = true;
    tail->last_heard_ms = clock_monotonic_ms();
    tail->retry_ms = RETRY_MS;
}

/* "name=value"; a word alone is a part of a name. */
static void add_filter(struct buffer *target, const char *filter)
{
    const char *equals = strchr(filter, '=');
    if (equals)
        server_url_add_parameter(target, bytes_of(filter, (size_t)(equals - filter)),
                                 bytes_of_string(equals + 1));
    else
        server_url_add_parameter(target, bytes_of_string("match"), bytes_of_string(filter));
}

static void begin_target(struct tail *tail, struct buffer *target, const char *page)
{
    buffer_init(target, SERVER_TARGET_MAX);
    server_url_begin_target(target, &tail->url, page);
    for (size_t i = 0; i < tail->settings->filters.count; i++)
        add_filter(target, tail->settings->filters.items[i]);
}

/* False after saying that it is too long. */
static bool end_target(struct tail *tail, struct buffer *target)
{
    buffer_append_byte(target, '\0');
    if (!target->failed)
        return true;
    tell_reader(tail, "the filters are too long for one request");
    buffer_free(target);
    end(tail, EXIT_FAILURE);
    return false;
}

/* Where to go on. Before the first message that is where the settings say; else, because a filter
 * may let nothing through for days, where the server was last heard of. */
static void write_since(const struct tail *tail, char *since)
{
    uint64_t silent_ms = clock_monotonic_ms() - tail->last_heard_ms;
    if (*tail->last_id || *tail->settings->since)
        (void)snprintf(since, ID_SIZE, "%s",
                       *tail->last_id ? tail->last_id : tail->settings->since);
    else if (tail->has_been_open && !tail->has_printed)
        (void)snprintf(since, ID_SIZE, "%" PRIu64 "s", silent_ms / 1000 + HEARD_SLACK_S);
    else
        *since = '\0';
}

static void open_stream(struct tail *tail)
{
    struct buffer target;
    char since[ID_SIZE];
    write_since(tail, since);
    begin_target(tail, &target,
                 tail->settings->domains ? "domains-only"
                 : tail->settings->full  ? "full-stream"
                                         : "");
    server_url_add_parameter(&target, bytes_of_string("gap"), bytes_of_string("1"));
    if (*since)
        server_url_add_parameter(&target, bytes_of_string("since"), bytes_of_string(since));
    if (!end_target(tail, &target))
        return;
    server_link_open(tail->link, (const char *)target.data);
    buffer_free(&target);
}

static void on_retry(void *context)
{
    open_stream(context_of(context, TAIL_MARK));
}

static void retry(struct tail *tail)
{
    struct jitter jitter = jitter_of(clock_realtime_ms());
    uint64_t after_ms = tail->retry_ms / 2 + jitter_below(&jitter, tail->retry_ms / 2 + 1);
    tail->retry_ms = tail->retry_ms * 2 < RETRY_MAX_MS ? tail->retry_ms * 2 : RETRY_MAX_MS;
    server_link_set_timer(tail->link, TIMER_RETRY, after_ms, on_retry);
}

/* A refusal of a WebSocket has no text that libwebsockets shows: the newest messages are asked for
 * with the same filters, which a server of ours refuses with the same words. */
static void ask_why(void *context)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    struct buffer target;
    begin_target(tail, &target, "latest.json");
    if (!end_target(tail, &target))
        return;
    server_link_get(tail->link, (const char *)target.data);
    buffer_free(&target);
}

static void on_end(void *context, bool was_refused, const char *reason)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    bool was_open = tail->is_open;
    tail->is_open = false;
    if (was_refused) {
        server_link_set_timer(tail->link, TIMER_RETRY, 0, ask_why);
    } else if (!tail->has_been_open) {
        tell_reader(tail, "%s:%d: %s", tail->url.host, tail->url.port, reason);
        end(tail, EXIT_FAILURE);
    } else {
        if (was_open)
            tell_reader(tail, "connection lost%s%s; trying again", *reason ? ": " : "", reason);
        retry(tail);
    }
}

/* What a refusal says, in JSON as ours do; or "". To be freed. */
static char *read_refusal(struct bytes body)
{
    cJSON *json = cJSON_ParseWithLength((const char *)body.data, body.size);
    const char *error = json_read_string(json, "error");
    char *text = memory_copy_string(error ? error : "");
    cJSON_Delete(json);
    return text;
}

static void on_refusal_text(void *context, unsigned status, struct bytes body)
{
    struct tail *tail = context_of(context, TAIL_MARK);
    bool may_change = status == 0 || status == 429 || status >= 500;
    char *text = read_refusal(body);
    if (tail->has_been_open && may_change) {
        retry(tail);
    } else {
        if (status >= 400 && status != 404)
            tell_reader(tail, "refused: %s (HTTP %u)", *text ? text : "no reason given", status);
        else
            tell_reader(
                tail,
                "%s:%d%s is no stream of a CertStream server, or --since is not one of its ids",
                tail->url.host, tail->url.port, tail->url.path);
        end(tail, EXIT_FAILURE);
    }
    free(text);
}

static bool init(struct tail *tail, const struct tail_settings *settings, const volatile int *stop)
{
    static const char *const formats[] = {
        [ROW_LINE] = "line", [ROW_JSON] = "json", [ROW_CSV] = "csv"
    };
    *tail = (struct tail){ .mark = TAIL_MARK, .settings = settings, .stop = stop };
    tail->style.terminal = terminal_of(stdout);
    tail->errors = terminal_of(stderr);
    tail->style.is_per_name = settings->names;
    tail->retry_ms = RETRY_MS;
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the setting is one of these */
    while (strcmp(formats[tail->style.format], settings->format) != 0)
        tail->style.format++;
    (void)server_url_read(&tail->url, settings->url);
    const struct server_link_options options = {
        .url = &tail->url,
        .token = settings->token,
        .ca_file = settings->ca,
        .events = { on_open, on_message, on_oversize, on_end, on_refusal_text, tail },
    };
    tail->link = server_link_create(&options);
    tail_output_init(&tail->output, STDOUT_FILENO);
    return tail->link;
}

static int finish(struct tail *tail)
{
    if (tail->link && tail->code == EXIT_SUCCESS &&
        tail_output_flush(&tail->output) == TAIL_OUTPUT_FAILED)
        tail->code = EXIT_FAILURE;
    server_link_destroy(tail->link);
    tail_output_clear(&tail->output);
    return tail->code;
}

int tail_run(const struct tail_settings *settings, const volatile int *stop)
{
    struct tail tail;
    if (!init(&tail, settings, stop)) {
        tail_output_clear(&tail.output);
        return EXIT_FAILURE;
    }
    message_row_write_header(&tail.output.rows, &tail.style, settings->domains);
    server_link_set_timer(tail.link, TIMER_LOOK, LOOK_MS, on_look);
    open_stream(&tail);
    server_link_run(tail.link);
    return finish(&tail);
}
