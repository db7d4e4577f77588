#include "tests/support/ct_log/tiled_routes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/message/tile_path.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/bent_entry.h"
#include "tests/support/ct_log/bent_head.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/entries.h"
#include "tests/support/ct_log/fault.h"
#include "tests/support/ct_log/http_message.h"
#include "tests/support/ct_log/options.h"
#include "tests/support/ct_log/routes.h"
#include "tests/support/ct_log/tile_request.h"
#include "tests/support/seeded_random.h"

enum {
    ORIGIN_SIZE = 128,
    COSIGNATURE_SIZE = 2432,
};

static const char immutable[] = "Cache-Control: public, max-age=604800, immutable";

/* As a witness makes them with ML-DSA-44; nobody here could verify them. */
static void append_cosignatures(uint64_t count, struct buffer *out)
{
    struct seeded_random random = seeded_random_of("witness", "cosignatures", 0);
    uint8_t blob[COSIGNATURE_SIZE];
    for (uint64_t i = 0; i < count; i++) {
        seeded_random_fill(&random, blob, sizeof blob);
        buffer_append_format(out, "\u2014 witness-%" PRIu64 ".local/w ", i);
        base64_encode(out, bytes_of(blob, sizeof blob));
        buffer_append_byte(out, '\n');
    }
}

void tiled_answer_checkpoint(struct routes *routes, const struct http_request *request,
                             const struct distortion *distortion, struct http_reply *reply)
{
    (void)request;
    char origin[ORIGIN_SIZE];
    (void)snprintf(origin, sizeof origin, "%s/tiled", routes->host);
    struct tree_head head = bent_head_of(routes->log, distortion, clock_realtime_ms());
    reply->content_type = "text/plain; charset=utf-8";
    http_reply_add_header(reply, "Cache-Control: no-store");
    if (distortion->is_empty)
        return;
    ct_log_note_checkpoint(routes->log, head.size);
    tree_head_write_checkpoint(&head, ct_log_key(routes->log, CT_LOG_TILED), origin,
                               distortion->flips_signature, &reply->body);
    append_cosignatures(routes->options->cosignatures, &reply->body);
}

/* Whether the front end that answers has the tile. */
static bool is_served(struct routes *routes, const struct tile_request *tile,
                      const struct distortion *distortion)
{
    unsigned level = tile->level > 0 ? (unsigned)tile->level : 0;
    if (!ct_log_has_tile(routes->log, level, tile->number, tile->width))
        return false;
    uint64_t available = bent_size(routes->log, distortion) >> (8 * level);
    uint64_t begin = tile->number * TILE_WIDTH;
    bool is_dropped =
        distortion->drops_partials && tile->width < TILE_WIDTH && begin + TILE_WIDTH <= available;
    return begin + tile->width <= available && !is_dropped;
}

static bool find_tile(struct routes *routes, const struct http_request *request,
                      const struct distortion *distortion, struct tile_request *tile,
                      struct http_reply *reply)
{
    bool is_tile = tile_request_parse(tile, routes_path_below(request));
    if (is_tile && is_served(routes, tile, distortion)) {
        http_reply_add_header(reply, immutable);
        return true;
    }
    http_reply_text(reply, 404, is_tile ? "no such tile" : "not a tile path");
    return false;
}

void tiled_answer_tile(struct routes *routes, const struct http_request *request,
                       const struct distortion *distortion, struct http_reply *reply)
{
    struct tile_request tile;
    if (!find_tile(routes, request, distortion, &tile, reply))
        return;
    reply->content_type = "application/octet-stream";
    struct bytes nodes =
        merkle_tree_nodes(ct_log_tree(routes->log, distortion->is_forked), 8 * (unsigned)tile.level,
                          tile.number * TILE_WIDTH, tile.width);
    assert(nodes.size);
    if (distortion->is_empty)
        return;
    buffer_append_bytes(&reply->body, nodes);
    reply->body.data[0] ^= distortion->flips_leaf;
}

void tiled_answer_data(struct routes *routes, const struct http_request *request,
                       const struct distortion *distortion, struct http_reply *reply)
{
    struct tile_request tile;
    struct entry_position positions[TILE_WIDTH];
    if (!find_tile(routes, request, distortion, &tile, reply))
        return;
    reply->content_type = "application/octet-stream";
    uint64_t first = tile.number * TILE_WIDTH;
    for (unsigned i = 0; i < tile.width; i++)
        positions[i] = bent_entry_at(routes->log, distortion, first + i, first);
    size_t count =
        distortion->page && distortion->page < tile.width ? (size_t)distortion->page : tile.width;
    if (distortion->is_empty)
        return;
    if (routes->options->has_gzip)
        http_reply_add_header(reply, "Content-Encoding: gzip");
    entries_write_tile(ct_log_entries(routes->log), positions, count, routes->options->has_gzip,
                       &reply->body);
}

void tiled_answer_issuer(struct routes *routes, const struct http_request *request,
                         const struct distortion *distortion, struct http_reply *reply)
{
    static const char prefix[] = "issuer/";
    struct bytes path = routes_path_below(request);
    uint8_t wanted[ENTRIES_HASH_SIZE];
    char canonical[2 * ENTRIES_HASH_SIZE + 1] = "";
    struct bytes name = bytes_of(path.data + sizeof prefix - 1, path.size - (sizeof prefix - 1));
    size_t count;
    const struct entry_issuer *issuers = entries_issuers(ct_log_entries(routes->log), &count);
    if (hex_decode(wanted, sizeof wanted, name))
        hex_encode(canonical, bytes_of(wanted, sizeof wanted));
    /* Names are lower-case: another spelling is another path. */
    for (size_t i = 0; i < count && bytes_equal_string(name, canonical); i++) {
        if (memcmp(issuers[i].fingerprint, wanted, sizeof wanted) != 0)
            continue;
        reply->content_type = "application/pkix-cert";
        http_reply_add_header(reply, immutable);
        buffer_append_bytes(&reply->body,
                            distortion->is_empty ? (struct bytes){ 0 } : issuers[i].der);
        return;
    }
    http_reply_text(reply, 404, "no such issuer");
}
