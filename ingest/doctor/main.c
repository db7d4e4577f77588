/*
 * certstream-doctor: whether the log lists can be read, and whether each log that they want
 * followed answers with its head, as certstream-ingest would ask it. A line each; one that begins
 * with LOOK says what to do. Exit code 0: all is well, 1: not all.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/ct/log_protocol.h"
#include "ingest/http/http_client.h"
#include "ingest/ingest_settings.h"
#include "ingest/lists/log_lists.h"
#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/process/say.h"
#include "shared/process/terminal.h"

enum {
    EXIT_WRONG_SETTING = 2,
    CONNECTIONS_MAX = 64,
    /* A head is a few hundred bytes. */
    HEAD_MAX = 64 * 1024,
    WAIT_MS = 200,
    URL_MAX = 2048,
    STATUS_GOOD = 200,
};

#define VISIT_MARK CONTEXT_MARK('V', 'I', 'S', 'T')

struct doctor {
    const struct ingest_settings *settings;
    struct http_client *http;
    struct log_lists *lists;
    struct roster_entry *logs; /* copies of what is to be followed */
    size_t count;
    struct digest *sha256;
    struct terminal terminal;
    unsigned troubles;
};

/* A log that was asked. */
struct visit {
    uint32_t mark; /* VISIT_MARK */
    struct doctor *doctor;
    const struct ct_log *ct_log;
    uint64_t asked_at_ms;
};

/* `advice`: NULL if it is well. */
static void print_finding(struct doctor *doctor, const char *name, const char *text,
                          const char *advice)
{
    struct buffer line;
    enum terminal_colour colour = advice ? TERMINAL_RED : TERMINAL_GREEN;
    buffer_init(&line, SIZE_MAX);
    buffer_append_string(&line, terminal_colour(&doctor->terminal, colour));
    buffer_append_string(&line, advice ? "LOOK" : "ok");
    buffer_append_string(&line, terminal_colour(&doctor->terminal, TERMINAL_PLAIN));
    buffer_append_string(&line, advice ? "  " : "    ");
    (void)terminal_append_text(&line, bytes_of_string(name), SIZE_MAX);
    buffer_append_string(&line, ": ");
    (void)terminal_append_text(&line, bytes_of_string(text), SIZE_MAX);
    (void)printf("%.*s\n", (int)line.size, (const char *)line.data);
    if (advice)
        (void)printf("      -> %s\n", advice);
    doctor->troubles += advice != NULL;
    buffer_free(&line);
}

static const char *advice_for_status(long status)
{
    if (status == 429 || status == 403)
        return "the log wants less, or to know you: set --contact, and look at ingest/README.md, "
               "\"Budgets\"";
    if (status >= 500)
        return "the log is not well; ingest asks it again by itself";
    return "the log is elsewhere, or something in between answers: compare its address with that "
           "of the list";
}

static void judge_answer(const struct visit *visit, const struct http_response *response)
{
    struct doctor *doctor = visit->doctor;
    const struct ct_log *ct_log = visit->ct_log;
    struct signed_head head;
    char text[512];
    uint64_t took_ms = clock_monotonic_ms() - visit->asked_at_ms;
    if (response->result != HTTP_ANSWERED) {
        (void)snprintf(text, sizeof text, "no answer: %s", response->error);
        print_finding(doctor, ct_log->description, text,
                      "look at the network, DNS, proxy and firewall between here and the log");
    } else if (response->status != STATUS_GOOD) {
        (void)snprintf(text, sizeof text, "HTTP status %ld", response->status);
        print_finding(doctor, ct_log->description, text, advice_for_status(response->status));
    } else if (!log_protocol_of(ct_log->kind)
                    ->read_head(&head, buffer_bytes(response->body), ct_log->id, doctor->sha256)) {
        print_finding(doctor, ct_log->description, "what it answers is no tree head",
                      "something in between may answer for it");
    } else {
        (void)snprintf(text, sizeof text, "%" PRIu64 " entries, answered after %" PRIu64 " ms",
                       head.size, took_ms);
        print_finding(doctor, ct_log->description, text, NULL);
    }
}

static void on_head_answer(void *context, const struct http_response *response)
{
    struct visit *visit = context_of(context, VISIT_MARK);
    if (response->result != HTTP_STOPPED)
        judge_answer(visit, response);
    free(visit);
}

static void ask_log(struct doctor *doctor, const struct ct_log *ct_log)
{
    char url[URL_MAX];
    struct visit *visit = memory_allocate(sizeof *visit);
    *visit = (struct visit){ VISIT_MARK, doctor, ct_log, clock_monotonic_ms() };
    (void)snprintf(url, sizeof url, "%s%s", ct_log->url, log_protocol_of(ct_log->kind)->head_path);
    const struct http_get request = {
        .url = url,
        .body_max = HEAD_MAX,
        .on_response = on_head_answer,
        .context = visit,
    };
    http_client_get(doctor->http, &request);
}

static void forget_logs(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->count; i++)
        ct_log_clear(&doctor->logs[i].ct_log);
    free(doctor->logs);
    doctor->logs = NULL;
    doctor->count = 0;
}

static size_t count_no_logs(void *context)
{
    (void)context;
    return 0;
}

static const struct ct_log *no_log(void *context, size_t i)
{
    (void)context;
    (void)i;
    return NULL;
}

static void keep_roster(void *context, const struct roster *roster)
{
    struct doctor *doctor = context;
    forget_logs(doctor);
    doctor->logs = memory_allocate_zeroed(roster->count + 1, sizeof *doctor->logs);
    for (size_t i = 0; i < roster->count; i++)
        if (roster->entries[i].verdict == ROSTER_FOLLOWED)
            doctor->logs[doctor->count++].ct_log = ct_log_copy(&roster->entries[i].ct_log);
}

static void turn_doctor(struct doctor *doctor)
{
    if (http_client_in_flight(doctor->http))
        http_client_wait(doctor->http, NULL, 0, WAIT_MS);
    http_client_perform(doctor->http);
}

static void read_lists(struct doctor *doctor)
{
    const struct ingest_settings *settings = doctor->settings;
    struct contract contract;
    (void)contract_init(&contract, CONTRACT_PREFIX);
    const struct log_lists_options options = {
        .reading = { .http = doctor->http,
                     .contract = &contract,
                     .refresh_ms = (uint64_t)settings->list_refresh_ms,
                     .key_file = settings->log_list_key,
                     .key_hash = settings->log_list_key_hash },
        .names = settings->log_lists,
        .ignored_ids = settings->ignored_logs,
        .follow_pending = settings->follow_pending,
        .brake_percent = 100,
        .events = { .count_followed = count_no_logs,
                    .followed = no_log,
                    .on_roster = keep_roster,
                    .context = doctor },
    };
    char text[64];
    doctor->lists = log_lists_create(&options);
    do {
        (void)log_lists_work(doctor->lists, clock_monotonic_ms());
        turn_doctor(doctor);
    } while (!log_lists_are_settled(doctor->lists));
    (void)snprintf(text, sizeof text, "%zu logs to be followed", doctor->count);
    print_finding(doctor, "log lists", text,
                  log_lists_are_loaded(doctor->lists)
                      ? NULL
                      : "the warning above says which cannot be read, and why; a proxy or "
                        "firewall may be in between, --log-list names others");
    log_lists_destroy(doctor->lists);
}

static int run_doctor(const struct ingest_settings *settings)
{
    char user_agent[512];
    const char *contact = settings->contact;
    (void)snprintf(user_agent, sizeof user_agent, "certstream-ingest/%s%s%s%s", CERTSTREAM_VERSION,
                   *contact ? " (" : "", contact, *contact ? ")" : "");
    const struct http_client_options options = { user_agent, CONNECTIONS_MAX, 0 };
    struct doctor doctor = {
        .settings = settings,
        .http = http_client_create(&options),
        .sha256 = digest_create(DIGEST_SHA256),
        .terminal = terminal_of(stdout),
    };
    say_only_warnings();
    read_lists(&doctor);
    for (size_t i = 0; i < doctor.count; i++)
        ask_log(&doctor, &doctor.logs[i].ct_log);
    while (http_client_in_flight(doctor.http))
        turn_doctor(&doctor);
    http_client_destroy(doctor.http);
    forget_logs(&doctor);
    digest_destroy(doctor.sha256);
    return doctor.troubles ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct settings_program program = ingest_settings_program;
    struct ingest_settings settings = { 0 };
    int code = EXIT_WRONG_SETTING;
    program.name = "certstream-doctor";
    program.summary = "asks the log lists and each log whether they can be reached";
    switch (settings_read(&program, &settings, argc, argv)) {
    case SETTINGS_READY: code = run_doctor(&settings); break;
    case SETTINGS_STOP: code = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: break;
    }
    settings_free(&program, &settings);
    return code;
}
