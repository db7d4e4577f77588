#include "tests/support/ct_log/routes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/json/json_writer.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/fault.h"
#include "tests/support/ct_log/http_message.h"
#include "tests/support/ct_log/http_server.h"
#include "tests/support/ct_log/list_signer.h"
#include "tests/support/ct_log/log_list.h"
#include "tests/support/ct_log/options.h"
#include "tests/support/ct_log/rfc6962_routes.h"
#include "tests/support/ct_log/tile_request.h"
#include "tests/support/ct_log/tiled_routes.h"

enum {
    TAG_SIZE = 24,
    LIST_MAX = 1024 * 1024,
};

/* Which part of the log must be switched on for a route to exist. */
enum condition {
    CONDITION_ALWAYS,
    CONDITION_RFC6962,
    CONDITION_TILED,
    CONDITION_HYBRID,
};

struct route {
    const char *name;
    const char *path; /* of a whole folder if it ends in '/' */
    enum fault_target target;
    enum condition condition;
    void (*answer)(struct routes *routes, const struct http_request *request,
                   const struct distortion *distortion, struct http_reply *reply);
};

static void write_list(struct routes *routes, struct buffer *out)
{
    char base[ROUTES_URL_SIZE + ROUTES_FOLDER_SIZE];
    (void)snprintf(base, sizeof base, "%s%s", routes->host, routes->folder);
    log_list_write(out, routes->log, &routes->listing, base);
}

/* The answer has an entity tag, as the servers of the real lists give one. */
static void answer_list(struct routes *routes, const struct http_request *request,
                        const struct distortion *distortion, struct http_reply *reply)
{
    uint8_t hash[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1], tag[TAG_SIZE], header[TAG_SIZE + 8];
    if (distortion->is_empty)
        return;
    write_list(routes, &reply->body);
    struct digest *sha256 = digest_create(DIGEST_SHA256);
    digest_bytes(sha256, hash, buffer_bytes(&reply->body));
    digest_destroy(sha256);
    hex_encode(hex, bytes_of(hash, sizeof hash));
    (void)snprintf(tag, sizeof tag, "\"%.16s\"", hex);
    (void)snprintf(header, sizeof header, "ETag: %s", tag);
    http_reply_add_header(reply, header);
    if (!bytes_equal_string(request->if_none_match, tag))
        return;
    reply->status = 304;
    buffer_clear(&reply->body);
}

static const struct list_signer *signer(struct routes *routes)
{
    if (!routes->list_signer)
        routes->list_signer = list_signer_create();
    return routes->list_signer;
}

static void answer_list_signature(struct routes *routes, const struct http_request *request,
                                  const struct distortion *distortion, struct http_reply *reply)
{
    struct buffer list;
    (void)request;
    reply->content_type = "application/octet-stream";
    if (distortion->is_empty)
        return;
    buffer_init(&list, LIST_MAX);
    write_list(routes, &list);
    list_signer_sign(signer(routes), buffer_bytes(&list), &reply->body);
    if (distortion->flips_signature)
        reply->body.data[0] ^= 1;
    buffer_free(&list);
}

static void answer_list_key(struct routes *routes, const struct http_request *request,
                            const struct distortion *distortion, struct http_reply *reply)
{
    (void)request;
    reply->content_type = "application/x-pem-file";
    if (!distortion->is_empty)
        list_signer_write_key(signer(routes), &reply->body);
}

static bool set_size(struct routes *routes, struct bytes query, uint64_t now_ms)
{
    uint64_t size;
    return http_query_number(query, "size", &size) && ct_log_set_size(routes->log, now_ms, size);
}

static bool set_rate(struct routes *routes, struct bytes query, uint64_t now_ms)
{
    char text[32];
    char *end;
    if (!http_query_text(query, "rate", text, sizeof text))
        return false;
    double rate = strtod(text, &end);
    bool is_rate = end != text && *end == '\0' && rate >= 0 && rate <= OPTIONS_RATE_MAX;
    return is_rate && ct_log_set_rate(routes->log, now_ms, rate);
}

/* Where the logs are from now on; nowhere below: where they were at first. */
static bool set_folder(struct routes *routes, struct bytes query)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char name[ROUTES_FOLDER_SIZE - 1];
    if (!http_query_text(query, "move", name, sizeof name) || name[strspn(name, letters)])
        return false;
    (void)snprintf(routes->folder, sizeof routes->folder, "%s%s", *name ? "/" : "", name);
    return true;
}

/* NULL, or what is wrong. */
static const char *set_fault(struct routes *routes, struct bytes query)
{
    uint64_t fork_first;
    const char *wrong = faults_set(routes->faults, query);
    if (!wrong && faults_newest_forks(routes->faults, &fork_first))
        ct_log_fork(routes->log, fork_first);
    return wrong;
}

static const char *control(struct routes *routes, struct bytes query)
{
    uint64_t now_ms = clock_realtime_ms();
    if (http_query_has(query, "clear"))
        faults_clear(routes->faults);
    if (http_query_has(query, "size") && !set_size(routes, query, now_ms))
        return "size: not a number, beyond --max, or the state cannot be kept";
    if (http_query_has(query, "rate") && !set_rate(routes, query, now_ms))
        return "rate: not a number of entries per second, or the state cannot be kept";
    if (http_query_has(query, "move") && !set_folder(routes, query))
        return "move: not a few lower-case letters and digits";
    const char *wrong = listing_set(&routes->listing, routes->log, query);
    return !wrong && http_query_has(query, "fault") ? set_fault(routes, query) : wrong;
}

static void write_size(struct routes *routes, struct json_writer *writer)
{
    json_key(writer, "size");
    json_unsigned(writer, ct_log_size(routes->log));
}

static void answer_control(struct routes *routes, const struct http_request *request,
                           const struct distortion *distortion, struct http_reply *reply)
{
    (void)distortion;
    const char *wrong = control(routes, request->query);
    if (wrong) {
        http_reply_text(reply, 400, wrong);
        return;
    }
    struct json_writer writer = json_writer_of(&reply->body);
    json_begin_object(&writer);
    write_size(routes, &writer);
    json_key(&writer, "faults");
    faults_write(routes->faults, &writer);
    json_end_object(&writer);
}

static void answer_stats(struct routes *routes, const struct http_request *request,
                         const struct distortion *distortion, struct http_reply *reply);

static void answer_nothing(struct routes *routes, const struct http_request *request,
                           const struct distortion *distortion, struct http_reply *reply)
{
    (void)routes;
    (void)request;
    (void)distortion;
    http_reply_text(reply, 404, "no such route");
}

static const struct route table[] = {
    { "get-sth", "/rfc6962/ct/v1/get-sth", FAULT_TARGET_GET_STH, CONDITION_RFC6962,
      rfc6962_answer_get_sth },
    { "get-entries", "/rfc6962/ct/v1/get-entries", FAULT_TARGET_GET_ENTRIES, CONDITION_RFC6962,
      rfc6962_answer_get_entries },
    { "get-sth-consistency", "/rfc6962/ct/v1/get-sth-consistency", FAULT_TARGET_CONSISTENCY,
      CONDITION_RFC6962, rfc6962_answer_consistency },
    { "get-entry-and-proof", "/rfc6962/ct/v1/get-entry-and-proof", FAULT_TARGET_ENTRY_AND_PROOF,
      CONDITION_RFC6962, rfc6962_answer_entry_and_proof },
    { "get-proof-by-hash", "/rfc6962/ct/v1/get-proof-by-hash", FAULT_TARGET_PROOF_BY_HASH,
      CONDITION_RFC6962, rfc6962_answer_proof_by_hash },
    { "get-roots", "/rfc6962/ct/v1/get-roots", FAULT_TARGET_ROOTS, CONDITION_RFC6962,
      rfc6962_answer_roots },
    { "checkpoint", "/tiled/checkpoint", FAULT_TARGET_CHECKPOINT, CONDITION_TILED,
      tiled_answer_checkpoint },
    { "data", "/tiled/tile/data/", FAULT_TARGET_DATA, CONDITION_TILED, tiled_answer_data },
    { "tile", "/tiled/tile/", FAULT_TARGET_TILE, CONDITION_TILED, tiled_answer_tile },
    { "issuer", "/tiled/issuer/", FAULT_TARGET_ISSUER, CONDITION_TILED, tiled_answer_issuer },
    { "hybrid-data", "/rfc6962/tile/data/", FAULT_TARGET_DATA, CONDITION_HYBRID,
      tiled_answer_data },
    { "hybrid-issuer", "/rfc6962/issuer/", FAULT_TARGET_ISSUER, CONDITION_HYBRID,
      tiled_answer_issuer },
    { "list", "/log_list.json", FAULT_TARGET_LIST, CONDITION_ALWAYS, answer_list },
    { "list-signature", "/log_list.sig", FAULT_TARGET_LIST_SIGNATURE, CONDITION_ALWAYS,
      answer_list_signature },
    { "list-key", "/log_list_pubkey.pem", FAULT_TARGET_LIST, CONDITION_ALWAYS, answer_list_key },
    { "control", "/control", FAULT_TARGET_NONE, CONDITION_ALWAYS, answer_control },
    { "stats", "/stats", FAULT_TARGET_NONE, CONDITION_ALWAYS, answer_stats },
    /* The last one matches what no other does. */
    { "unknown", "/", FAULT_TARGET_NONE, CONDITION_ALWAYS, answer_nothing },
};

#define ROUTE_COUNT (sizeof table / sizeof *table)

_Static_assert(ROUTE_COUNT <= ROUTES_MAX, "the counters have a row per route");

static void write_statuses(const struct routes *routes, size_t route, struct json_writer *writer)
{
    json_key(writer, table[route].name);
    json_begin_object(writer);
    for (unsigned status = 0; status < ROUTES_STATUS_MAX; status++) {
        char name[8];
        if (!routes->requests[route][status])
            continue;
        (void)snprintf(name, sizeof name, "%u", status);
        json_key(writer, name);
        json_unsigned(writer, routes->requests[route][status]);
    }
    json_end_object(writer);
}

static void answer_stats(struct routes *routes, const struct http_request *request,
                         const struct distortion *distortion, struct http_reply *reply)
{
    (void)request;
    (void)distortion;
    struct json_writer writer = json_writer_of(&reply->body);
    json_begin_object(&writer);
    write_size(routes, &writer);
    json_key(&writer, "connections");
    json_unsigned(&writer, routes->server ? http_server_accepted(routes->server) : 0);
    json_key(&writer, "requests");
    json_begin_object(&writer);
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        write_statuses(routes, i, &writer);
    json_end_object(&writer);
    json_key(&writer, "bytes");
    json_begin_object(&writer);
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        json_key(&writer, table[i].name);
        json_unsigned(&writer, routes->bytes[i]);
    }
    json_end_object(&writer);
    json_end_object(&writer);
}

static bool is_on(const struct routes *routes, const struct route *route)
{
    switch (route->condition) {
    case CONDITION_ALWAYS: return true;
    case CONDITION_RFC6962: return ct_log_has_view(routes->log, CT_LOG_RFC6962);
    case CONDITION_TILED: return ct_log_has_view(routes->log, CT_LOG_TILED);
    case CONDITION_HYBRID:
        return routes->options->is_hybrid && ct_log_has_view(routes->log, CT_LOG_RFC6962);
    }
    return false;
}

static bool matches(const struct route *route, struct bytes path)
{
    size_t size = strlen(route->path);
    bool is_folder = route->path[size - 1] == '/';
    return path.size >= size && memcmp(path.data, route->path, size) == 0 &&
           (is_folder || path.size == size);
}

static size_t find_route(const struct routes *routes, struct bytes path)
{
    size_t i = 0;
    while (i + 1 < ROUTE_COUNT && !(matches(&table[i], path) && is_on(routes, &table[i])))
        i++;
    return i;
}

/* The path as if the logs had never moved; one of theirs where they were before is unknown. */
static struct bytes path_of(const struct routes *routes, struct bytes path)
{
    size_t size = strlen(routes->folder);
    bool is_below = path.size > size && memcmp(path.data, routes->folder, size) == 0;
    struct bytes rest = is_below ? bytes_of(path.data + size, path.size - size) : path;
    const struct route *route = &table[find_route(routes, rest)];
    bool is_log = route->condition != CONDITION_ALWAYS;
    return is_log == is_below || size == 0 ? rest : bytes_of_string("/");
}

static bool is_allowed(struct bytes method)
{
    return bytes_equal_string(method, "GET") || bytes_equal_string(method, "HEAD") ||
           bytes_equal_string(method, "POST");
}

struct bytes routes_path_below(const struct http_request *request)
{
    struct bytes path = request->path;
    const uint8_t *end = path.size ? memchr(path.data + 1, '/', path.size - 1) : NULL;
    assert(end);
    size_t skipped = (size_t)(end + 1 - path.data);
    return bytes_of(path.data + skipped, path.size - skipped);
}

/* What the request asks for, as far as faults look at it. */
static struct fault_request request_of(const struct http_request *request, enum fault_target target)
{
    struct fault_request asked = { .target = target, .is_fresh = request->is_fresh };
    struct tile_request tile;
    uint64_t end;
    if (target == FAULT_TARGET_GET_ENTRIES &&
        http_query_number(request->query, "start", &asked.start) &&
        http_query_number(request->query, "end", &end) && end >= asked.start)
        asked.count = end - asked.start + 1;
    if (target == FAULT_TARGET_DATA && tile_request_parse(&tile, routes_path_below(request))) {
        asked.start = tile.number * TILE_WIDTH;
        asked.count = tile.width;
    }
    return asked;
}

void routes_answer(void *context, const struct http_request *request, struct http_reply *reply)
{
    struct routes *routes = context;
    struct http_request moved = *request;
    moved.path = path_of(routes, request->path);
    size_t found = find_route(routes, moved.path);
    const struct fault_request asked = request_of(&moved, table[found].target);
    struct distortion distortion = faults_strike_request(routes->faults, &asked);
    if (is_allowed(request->method))
        table[found].answer(routes, &moved, &distortion, reply);
    else
        http_reply_text(reply, 405, "GET, HEAD or POST");
    faults_break_reply(routes->faults, reply);
    assert(reply->status < ROUTES_STATUS_MAX);
    routes->requests[found][reply->closes_unanswered ? 0 : reply->status]++;
    routes->bytes[found] += reply->body.size;
}
