#include "tests/support/ct_log/fault.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "shared/json/json_writer.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/http_message.h"
#include "tests/support/ct_log/stamped_gzip.h"

enum {
    /* Enough for one of each kind on each route that matters. */
    FAULTS_MAX = 64,
    TEXT_SIZE = 64,
    GARBAGE_SIZE = 4096,
    NUMBER_DEFAULT_CODE = 503,
    LIMIT_DEFAULT_CODE = 429,
    BOMB_MIB_DEFAULT = 64,
    BOMB_MIB_MAX = 1024,
    LIMIT_RATE_MAX = 1000000,
    JUNK_SIZE = 1024,
    /* Longer than any test. */
    HANG_MS = 86400 * 1000,
};

static const char gzip_header[] = "Content-Encoding: gzip";

static const char *const target_names[FAULT_TARGETS] = {
    [FAULT_TARGET_GET_STH] = "get-sth",
    [FAULT_TARGET_GET_ENTRIES] = "get-entries",
    [FAULT_TARGET_CONSISTENCY] = "get-sth-consistency",
    [FAULT_TARGET_ENTRY_AND_PROOF] = "get-entry-and-proof",
    [FAULT_TARGET_PROOF_BY_HASH] = "get-proof-by-hash",
    [FAULT_TARGET_PROOF] = "proof",
    [FAULT_TARGET_ROOTS] = "roots",
    [FAULT_TARGET_CHECKPOINT] = "checkpoint",
    [FAULT_TARGET_TILE] = "tile",
    [FAULT_TARGET_DATA] = "data",
    [FAULT_TARGET_ISSUER] = "issuer",
    [FAULT_TARGET_LIST] = "list",
    [FAULT_TARGET_LIST_SIGNATURE] = "list-signature",
    [FAULT_TARGET_ANY] = "any",
};

struct fault;

struct fault_kind {
    const char *name;
    void (*bend)(struct distortion *distortion, const struct fault *fault);
    void (*break_reply)(struct http_reply *reply, const struct fault *fault,
                        struct seeded_random *random);
    bool (*spares)(struct fault *fault); /* a request that it could hit; NULL: none */
};

/* A fault that is set. The kinds share the parameters; which mean something is theirs to say. */
struct fault {
    const struct fault_kind *kind;
    enum fault_target target;
    uint64_t left; /* requests it still hits; 0: all, until cleared */
    bool is_counted;
    double probability;
    bool struck; /* the request that is being answered */
    /* A limit is a bucket. */
    double rate;
    double tokens;
    uint64_t filled_ms;
    uint64_t code;
    uint64_t ms;
    uint64_t n;
    uint64_t page;
    uint64_t bytes;
    uint64_t index;
    bool has_index;
    bool has_ms;
    /* Which requests it can hit besides. */
    uint64_t above;  /* those for more entries; 0: all */
    uint64_t covers; /* those for this entry, */
    bool has_covers; /* if so */
    uint64_t cached; /* those that a cache may answer; 0: all */
    char retry_after[TEXT_SIZE];
    char body[TEXT_SIZE];
    char location[TEXT_SIZE];
};

struct faults {
    struct fault list[FAULTS_MAX];
    size_t count;
    struct seeded_random random;
};

static void set_body(struct http_reply *reply, const char *content_type, const char *text)
{
    reply->content_type = content_type;
    reply->headers[0] = '\0';
    buffer_clear(&reply->body);
    buffer_append_string(&reply->body, text);
}

static void add_header(struct http_reply *reply, const char *name, const char *value)
{
    char line[TEXT_SIZE + 16];
    if (!*value)
        return;
    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    http_reply_add_header(reply, line);
}

static void break_with_status(struct http_reply *reply, const struct fault *fault,
                              struct seeded_random *random)
{
    (void)random;
    reply->status = (unsigned)fault->code;
    if (strcmp(fault->body, "html") == 0)
        set_body(reply, "text/html",
                 "<!DOCTYPE html><html><body><h1>Sorry, something went wrong</h1></body></html>\n");
    else
        set_body(reply, "text/plain; charset=utf-8", fault->body);
    add_header(reply, "Retry-After", fault->retry_after);
    add_header(reply, "Location", fault->location);
}

/* It answers as many as the bucket holds, which fills up at the limit's rate. */
static bool spare_within_limit(struct fault *fault)
{
    uint64_t now_ms = clock_monotonic_ms();
    double most = (double)(fault->n ? fault->n : 1);
    if (fault->filled_ms == 0)
        fault->tokens = most;
    else
        fault->tokens += fault->rate * (double)(now_ms - fault->filled_ms) / 1000;
    fault->tokens = fault->tokens < most ? fault->tokens : most;
    fault->filled_ms = now_ms;
    if (fault->tokens < 1)
        return false;
    fault->tokens--;
    return true;
}

static void break_with_delay(struct http_reply *reply, const struct fault *fault,
                             struct seeded_random *random)
{
    (void)random;
    reply->delay_ms += fault->ms;
}

static void break_with_cut(struct http_reply *reply, const struct fault *fault,
                           struct seeded_random *random)
{
    (void)random;
    reply->is_cut = true;
    reply->cut_size = fault->bytes ? (size_t)fault->bytes : reply->body.size / 2;
}

/* The body ends early, and its length says so: as a cache keeps it that was fed half an answer. */
static void break_with_clip(struct http_reply *reply, const struct fault *fault,
                            struct seeded_random *random)
{
    (void)random;
    size_t size = fault->bytes ? (size_t)fault->bytes : reply->body.size / 2;
    if (size < reply->body.size)
        reply->body.size = size;
}

/* The connection stays open, and nothing more comes over it. */
static void break_with_hang(struct http_reply *reply, const struct fault *fault,
                            struct seeded_random *random)
{
    (void)fault;
    (void)random;
    reply->delay_ms = HANG_MS;
}

static void break_with_garbage(struct http_reply *reply, const struct fault *fault,
                               struct seeded_random *random)
{
    uint8_t garbage[GARBAGE_SIZE];
    if (strcmp(fault->body, "html") == 0) {
        set_body(reply, "text/html", "<html><body>Checking your browser</body></html>\n");
        return;
    }
    set_body(reply, reply->content_type, "");
    seeded_random_fill(random, garbage, sizeof garbage);
    buffer_append(&reply->body, garbage, sizeof garbage);
}

static void break_with_drip(struct http_reply *reply, const struct fault *fault,
                            struct seeded_random *random)
{
    (void)random;
    reply->bytes_per_second = fault->bytes ? fault->bytes : 1;
}

static void break_with_close(struct http_reply *reply, const struct fault *fault,
                             struct seeded_random *random)
{
    (void)fault;
    (void)random;
    reply->closes_unanswered = true;
}

static void deflate_body(struct http_reply *reply)
{
    struct buffer gzip;
    buffer_init(&gzip, reply->body.limit);
    gzip_write(&gzip, buffer_bytes(&reply->body));
    buffer_free(&reply->body);
    reply->body = gzip;
}

static void break_with_gzip(struct http_reply *reply, const struct fault *fault,
                            struct seeded_random *random)
{
    (void)fault;
    (void)random;
    deflate_body(reply);
    if (!strstr(reply->headers, gzip_header))
        http_reply_add_header(reply, gzip_header);
}

/* What is encoded already just does not say so any longer. */
static void break_with_raw_gzip(struct http_reply *reply, const struct fault *fault,
                                struct seeded_random *random)
{
    (void)fault;
    (void)random;
    char *header = strstr(reply->headers, gzip_header);
    if (!header) {
        deflate_body(reply);
        return;
    }
    const char *behind = header + sizeof gzip_header - 1 + sizeof "\r\n" - 1;
    memmove(header, behind, strlen(behind) + 1);
}

static void break_with_bomb(struct http_reply *reply, const struct fault *fault,
                            struct seeded_random *random)
{
    (void)random;
    size_t size = (size_t)(fault->n ? fault->n : BOMB_MIB_DEFAULT) * 1024 * 1024;
    uint8_t *zeros = memory_allocate_zeroed(1, size);
    set_body(reply, reply->content_type, "");
    gzip_write(&reply->body, bytes_of(zeros, size));
    http_reply_add_header(reply, gzip_header);
    free(zeros);
}

static void bend_lag(struct distortion *distortion, const struct fault *fault)
{
    distortion->lag_entries = fault->n ? fault->n : 1;
}

static void bend_index(struct distortion *distortion, const struct fault *fault)
{
    distortion->says_wrong_index = fault->n ? fault->n : 1;
    distortion->has_index = fault->has_index;
    distortion->leaf_index = fault->index;
}

static void bend_to_tiles(struct distortion *distortion, const struct fault *fault)
{
    distortion->keeps_to_tiles = true;
    distortion->tile = fault->page;
}

static void bend_end(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->has_strict_end = true;
}

static void bend_path(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->has_null_path = true;
}

static void bend_partials(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->drops_partials = true;
}

static void bend_chain(struct distortion *distortion, const struct fault *fault)
{
    distortion->junk = fault->n ? fault->n : 1;
    distortion->junk_size = fault->bytes ? fault->bytes : JUNK_SIZE;
}

static void bend_extra_data(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->has_bad_extra = true;
}

static void bend_empty(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->is_empty = true;
}

static void bend_short(struct distortion *distortion, const struct fault *fault)
{
    distortion->page = fault->page ? fault->page : 1;
}

static void bend_extra(struct distortion *distortion, const struct fault *fault)
{
    distortion->extra_entries = fault->n ? fault->n : 1;
}

static void bend_stale(struct distortion *distortion, const struct fault *fault)
{
    distortion->stale_ms = fault->has_ms ? fault->ms : 0;
    distortion->stale_entries = fault->has_ms ? 0 : fault->n ? fault->n : 1;
}

static void bend_shrink(struct distortion *distortion, const struct fault *fault)
{
    distortion->shrink_entries = fault->n ? fault->n : 1;
}

static void bend_signature(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->flips_signature = true;
}

static void bend_fork(struct distortion *distortion, const struct fault *fault)
{
    (void)fault;
    distortion->is_forked = true;
}

static void bend_leaf(struct distortion *distortion, const struct fault *fault)
{
    distortion->flips_leaf = true;
    distortion->has_index = fault->has_index;
    distortion->leaf_index = fault->index;
}

static const struct fault_kind kinds[] = {
    { .name = "status", .break_reply = break_with_status },
    { .name = "delay", .break_reply = break_with_delay },
    { .name = "truncate", .break_reply = break_with_cut },
    { .name = "clip", .break_reply = break_with_clip },
    { .name = "hang", .break_reply = break_with_hang },
    { .name = "garbage", .break_reply = break_with_garbage },
    { .name = "drip", .break_reply = break_with_drip },
    { .name = "close", .break_reply = break_with_close },
    { .name = "empty", .bend = bend_empty },
    { .name = "short", .bend = bend_short },
    { .name = "extra", .bend = bend_extra },
    { .name = "stale", .bend = bend_stale },
    { .name = "shrink", .bend = bend_shrink },
    { .name = "bad-signature", .bend = bend_signature },
    { .name = "fork", .bend = bend_fork },
    { .name = "bad-leaf", .bend = bend_leaf },
    { .name = "wrong-index", .bend = bend_index },
    { .name = "lag", .bend = bend_lag },
    { .name = "ctile", .bend = bend_to_tiles },
    { .name = "strict-end", .bend = bend_end },
    { .name = "null-path", .bend = bend_path },
    { .name = "drop-partials", .bend = bend_partials },
    { .name = "junk", .bend = bend_chain },
    { .name = "bad-extra", .bend = bend_extra_data },
    { .name = "gzip", .break_reply = break_with_gzip },
    { .name = "raw-gzip", .break_reply = break_with_raw_gzip },
    { .name = "bomb", .break_reply = break_with_bomb },
    { .name = "limit", .break_reply = break_with_status, .spares = spare_within_limit },
};

struct faults *faults_create(const char *seed)
{
    struct faults *faults = memory_allocate_zeroed(1, sizeof *faults);
    faults->random = seeded_random_of(seed, "faults", 0);
    return faults;
}

void faults_destroy(struct faults *faults)
{
    free(faults);
}

void faults_clear(struct faults *faults)
{
    faults->count = 0;
}

static bool read_kind(struct fault *fault, struct bytes query)
{
    char name[TEXT_SIZE];
    if (!http_query_text(query, "fault", name, sizeof name))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            fault->kind = &kinds[i];
    return fault->kind != NULL;
}

static bool read_target(struct fault *fault, struct bytes query)
{
    char name[TEXT_SIZE] = "any";
    if (http_query_has(query, "route") && !http_query_text(query, "route", name, sizeof name))
        return false;
    for (size_t i = 0; i < FAULT_TARGETS; i++)
        if (target_names[i] && strcmp(target_names[i], name) == 0)
            fault->target = (enum fault_target)i;
    return fault->target != FAULT_TARGET_NONE;
}

/* A parameter that is there must be a number from 0 to `most`. */
static bool read_fraction(struct bytes query, const char *name, double *out, double most)
{
    char text[TEXT_SIZE];
    char *end;
    if (!http_query_has(query, name))
        return true;
    if (!http_query_text(query, name, text, sizeof text))
        return false;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= most;
}

/* A parameter that is there must be a number; *has says whether it is there. */
static bool read_number(struct bytes query, const char *name, uint64_t *out, bool *has)
{
    *has = http_query_has(query, name);
    return !*has || http_query_number(query, name, out);
}

static const char *read_numbers(struct fault *fault, struct bytes query)
{
    bool has;
    fault->code = fault->kind->spares ? LIMIT_DEFAULT_CODE : NUMBER_DEFAULT_CODE;
    if (!read_number(query, "code", &fault->code, &has) || fault->code < 200 || fault->code > 599)
        return "code: not a status from 200 to 599";
    if (!read_number(query, "ms", &fault->ms, &fault->has_ms))
        return "ms: not a number";
    if (!read_number(query, "n", &fault->n, &has))
        return "n: not a number";
    if (!read_number(query, "page", &fault->page, &has))
        return "page: not a number";
    if (!read_number(query, "bytes", &fault->bytes, &has))
        return "bytes: not a number";
    if (!read_number(query, "index", &fault->index, &fault->has_index))
        return "index: not a number";
    if (!read_number(query, "above", &fault->above, &has))
        return "above: not a number";
    if (!read_number(query, "covers", &fault->covers, &fault->has_covers))
        return "covers: not a number";
    if (!read_number(query, "cached", &fault->cached, &has))
        return "cached: not a number";
    if (!read_number(query, "count", &fault->left, &has))
        return "count: not a number";
    fault->is_counted = fault->left > 0;
    return NULL;
}

static bool read_text(struct bytes query, const char *name, char *out)
{
    return !http_query_has(query, name) || http_query_text(query, name, out, TEXT_SIZE);
}

const char *faults_set(struct faults *faults, struct bytes query)
{
    struct fault fault = { 0 };
    if (!read_kind(&fault, query))
        return "fault: no such fault";
    if (!read_target(&fault, query))
        return "route: no such route";
    fault.probability = 1;
    if (!read_fraction(query, "probability", &fault.probability, 1))
        return "probability: not a number from 0 to 1";
    if (!read_fraction(query, "per-second", &fault.rate, LIMIT_RATE_MAX))
        return "per-second: not a number";
    const char *wrong = read_numbers(&fault, query);
    if (wrong)
        return wrong;
    if (!read_text(query, "retry-after", fault.retry_after) || strpbrk(fault.retry_after, "\r\n"))
        return "retry-after: too long, or wrongly encoded";
    if (!read_text(query, "location", fault.location) || strpbrk(fault.location, "\r\n"))
        return "location: too long, or wrongly encoded";
    if (fault.kind->break_reply == break_with_bomb && fault.n > BOMB_MIB_MAX)
        return "n: too many MiB";
    if (!read_text(query, "body", fault.body))
        return "body: too long, or wrongly encoded";
    if (faults->count == FAULTS_MAX)
        return "too many faults: clear=1 first";
    faults->list[faults->count++] = fault;
    return NULL;
}

/* Whether it is a request of the kind that the fault is set on. */
static bool is_such(const struct fault *fault, const struct fault_request *request)
{
    bool covers =
        request->start <= fault->covers && fault->covers - request->start < request->count;
    bool is_wide = fault->above == 0 || request->count > fault->above;
    return is_wide && (!fault->has_covers || covers) && !(fault->cached && request->is_fresh);
}

static bool strikes(struct faults *faults, struct fault *fault, const struct fault_request *request)
{
    enum fault_target target = request->target;
    bool is_proof = target >= FAULT_TARGET_CONSISTENCY && target <= FAULT_TARGET_PROOF;
    bool is_meant = fault->target == target || fault->target == FAULT_TARGET_ANY ||
                    (fault->target == FAULT_TARGET_PROOF && is_proof);
    if (!is_meant || !is_such(fault, request))
        return false;
    bool is_hit =
        fault->probability >= 1 || seeded_random_fraction(&faults->random) < fault->probability;
    return is_hit && !(fault->kind->spares && fault->kind->spares(fault));
}

/* Those that the last request used up. */
static void drop_spent(struct faults *faults)
{
    size_t kept = 0;
    for (size_t i = 0; i < faults->count; i++) {
        faults->list[kept] = faults->list[i];
        kept += !(faults->list[i].is_counted && faults->list[i].left == 0);
    }
    faults->count = kept;
}

struct distortion faults_strike(struct faults *faults, enum fault_target target)
{
    return faults_strike_request(faults, &(struct fault_request){ .target = target });
}

struct distortion faults_strike_request(struct faults *faults, const struct fault_request *request)
{
    struct distortion distortion = { 0 };
    drop_spent(faults);
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->list[i];
        fault->struck = request->target != FAULT_TARGET_NONE && strikes(faults, fault, request);
        if (!fault->struck)
            continue;
        fault->left -= fault->is_counted;
        if (fault->kind->bend)
            fault->kind->bend(&distortion, fault);
    }
    return distortion;
}

void faults_break_reply(struct faults *faults, struct http_reply *reply)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        if (fault->struck && fault->kind->break_reply)
            fault->kind->break_reply(reply, fault, &faults->random);
    }
    drop_spent(faults);
}

bool faults_newest_forks(const struct faults *faults, uint64_t *first)
{
    if (!faults->count || faults->list[faults->count - 1].kind->bend != bend_fork)
        return false;
    *first = faults->list[faults->count - 1].n;
    return true;
}

void faults_write(const struct faults *faults, struct json_writer *writer)
{
    json_begin_array(writer);
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->list[i];
        json_begin_object(writer);
        json_key(writer, "fault");
        json_string(writer, fault->kind->name);
        json_key(writer, "route");
        json_string(writer, target_names[fault->target]);
        json_key(writer, "left");
        if (fault->is_counted)
            json_unsigned(writer, fault->left);
        else
            json_null(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}
