/* The faults of the local CT log as a client meets them, beyond those that test_ct_log_routes.c
 * sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "ingest/ct/entry.h"
#include "shared/base/base64.h"
#include "shared/base/reader.h"
#include "tests/unit/ct_log_site.h"

enum {
    SIZE = CT_LOG_SITE_SIZE,
    TEXT_SIZE = 256,
    PLAIN_MAX = 8 * 1024 * 1024,
    WINDOW_BITS_GZIP = 15 + 16,
    LEAF_INDEX_SIZE = 5,
};

static int setup(void **state)
{
    *state = site_create(site_options());
    return 0;
}

static int teardown(void **state)
{
    site_destroy(*state);
    return 0;
}

static int count_entries(struct site *site, const char *query)
{
    char target[TEXT_SIZE];
    (void)snprintf(target, sizeof target, "/rfc6962/ct/v1/get-entries?%s", query);
    cJSON *answer = site_get_json(site, target);
    int count = cJSON_GetArraySize(site_member(answer, "entries"));
    cJSON_Delete(answer);
    return count;
}

static uint64_t last_bytes(struct bytes bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes.size - LEAF_INDEX_SIZE; i < bytes.size; i++)
        value = value << 8 | bytes.data[i];
    return value;
}

/* What entry `index` says of itself in get-entries, where the extension is the end of its leaf. */
static uint64_t index_in_get_entries(struct site *site, uint64_t index)
{
    char target[TEXT_SIZE];
    struct buffer leaf;
    (void)snprintf(target, sizeof target, "/rfc6962/ct/v1/get-entries?start=%llu&end=%llu",
                   (unsigned long long)index, (unsigned long long)index);
    cJSON *answer = site_get_json(site, target);
    const cJSON *entry = cJSON_GetArrayItem(site_member(answer, "entries"), 0);
    buffer_init(&leaf, PLAIN_MAX);
    assert_true(
        base64_decode(&leaf, bytes_of_string(site_member(entry, "leaf_input")->valuestring)));
    uint64_t value = last_bytes(buffer_bytes(&leaf));
    buffer_free(&leaf);
    cJSON_Delete(answer);
    return value;
}

/* The same of the first data tile. */
static uint64_t index_in_tile(struct site *site, uint64_t index)
{
    struct http_reply reply = site_get(site, "/tiled/tile/data/000");
    struct reader tile = reader_of(buffer_bytes(&reply.body));
    struct entry entry;
    for (uint64_t i = 0; i <= index; i++)
        assert_true(entry_read_tile_leaf(&entry, &tile));
    uint64_t value = last_bytes(entry.leaf_pieces[1]);
    buffer_free(&reply.body);
    return value;
}

static void a_wrong_index_is_said_where_it_is_asked_for(void **state)
{
    site_control(*state, "fault=wrong-index&index=7");
    for (uint64_t i = 5; i < 10; i++) {
        assert_int_equal(index_in_get_entries(*state, i), i == 7 ? 8 : i);
        assert_int_equal(index_in_tile(*state, i), i == 7 ? 8 : i);
    }
}

static void the_root_of(struct site *site, char *out)
{
    cJSON *sth = site_get_json(site, "/rfc6962/ct/v1/get-sth");
    (void)snprintf(out, TEXT_SIZE, "%s", site_member(sth, "sha256_root_hash")->valuestring);
    cJSON_Delete(sth);
}

static void a_wrong_index_can_be_in_the_tree(void **state)
{
    char root[TEXT_SIZE], other[TEXT_SIZE];
    struct options options = site_options();
    options.has_wrong_index = true;
    options.wrong_index = 7;
    struct site *wrong = site_create(options);
    assert_int_equal(index_in_get_entries(wrong, 7), 8);
    assert_int_equal(index_in_tile(wrong, 7), 8);
    assert_int_equal(index_in_tile(wrong, 8), 8);
    the_root_of(*state, root);
    the_root_of(wrong, other);
    assert_string_not_equal(root, other);
    site_destroy(wrong);
}

static void entries_keep_to_their_tile(void **state)
{
    site_control(*state, "fault=ctile&page=100");
    assert_int_equal(count_entries(*state, "start=0&end=255"), 100);
    assert_int_equal(count_entries(*state, "start=99&end=255"), 1);
    assert_int_equal(count_entries(*state, "start=130&end=149"), 20);
    assert_int_equal(count_entries(*state, "start=130&end=2000"), 70);
    site_control(*state, "clear=1&fault=ctile");
    assert_int_equal(count_entries(*state, "start=255&end=600"), 1);
}

static void an_end_beyond_the_tree_can_be_refused(void **state)
{
    static const char beyond[] = "/rfc6962/ct/v1/get-entries?start=990&end=1000";
    assert_int_equal(site_status_of(*state, beyond), 200);
    site_control(*state, "fault=strict-end");
    assert_int_equal(site_status_of(*state, beyond), 400);
    assert_int_equal(count_entries(*state, "start=990&end=999"), 10);
}

static void an_empty_path_can_be_null(void **state)
{
    static const char first[] = "/rfc6962/ct/v1/get-entry-and-proof?leaf_index=0&tree_size=1";
    static const char other[] = "/rfc6962/ct/v1/get-entry-and-proof?leaf_index=0&tree_size=2";
    site_control(*state, "fault=null-path");
    cJSON *answer = site_get_json(*state, first);
    assert_true(cJSON_IsNull(site_member(answer, "audit_path")));
    cJSON_Delete(answer);
    answer = site_get_json(*state, other);
    assert_int_equal(cJSON_GetArraySize(site_member(answer, "audit_path")), 1);
    cJSON_Delete(answer);
}

static void a_lagging_front_end_lacks_the_newest_everywhere(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
    } rows[] = {
        { "/rfc6962/ct/v1/get-entries?start=899&end=899", 200 },
        { "/rfc6962/ct/v1/get-entries?start=900&end=900", 400 },
        { "/rfc6962/ct/v1/get-sth-consistency?first=5&second=900", 200 },
        { "/rfc6962/ct/v1/get-sth-consistency?first=5&second=901", 400 },
        { "/rfc6962/ct/v1/get-entry-and-proof?leaf_index=5&tree_size=901", 400 },
        { "/tiled/tile/data/002", 200 },
        { "/tiled/tile/data/003.p/232", 404 },
        { "/tiled/tile/0/003.p/132", 200 },
    };
    struct http_reply reply = site_get(*state, "/tiled/checkpoint");
    buffer_free(&reply.body);
    site_control(*state, "fault=lag&n=100");
    cJSON *sth = site_get_json(*state, "/rfc6962/ct/v1/get-sth");
    assert_int_equal((int)site_member(sth, "tree_size")->valuedouble, 900);
    cJSON_Delete(sth);
    reply = site_get(*state, "/tiled/checkpoint");
    assert_non_null(memmem(reply.body.data, reply.body.size, "\n900\n", 5));
    buffer_free(&reply.body);
    assert_int_equal(count_entries(*state, "start=890&end=990"), 10);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(site_status_of(*state, rows[i].target), rows[i].status);
}

static void partial_tiles_go_when_their_full_tile_is_there(void **state)
{
    struct http_reply reply = site_get(*state, "/tiled/checkpoint");
    buffer_free(&reply.body);
    site_control(*state, "fault=drop-partials");
    assert_int_equal(site_status_of(*state, "/tiled/tile/data/003.p/232"), 200);
    site_control(*state, "size=1024");
    assert_int_equal(site_status_of(*state, "/tiled/tile/data/003.p/232"), 404);
    assert_int_equal(site_status_of(*state, "/tiled/tile/0/003.p/232"), 404);
    assert_int_equal(site_status_of(*state, "/tiled/tile/data/003"), 200);
}

static void each_proof_can_be_refused_alone(void **state)
{
    static const char *const targets[] = {
        "/rfc6962/ct/v1/get-sth-consistency?first=5&second=900",
        "/rfc6962/ct/v1/get-entry-and-proof?leaf_index=5&tree_size=900",
        "/rfc6962/ct/v1/get-proof-by-hash?tree_size=900",
    };
    static const struct {
        const char *query;
        unsigned statuses[3];
    } rows[] = {
        { "route=get-sth-consistency&fault=status&code=404", { 404, 200, 400 } },
        { "route=get-entry-and-proof&fault=status&code=404", { 200, 404, 400 } },
        { "route=get-proof-by-hash&fault=status&code=404", { 200, 200, 404 } },
        { "route=proof&fault=status&code=404", { 404, 404, 404 } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        site_control(*state, rows[i].query);
        for (size_t j = 0; j < 3; j++)
            assert_int_equal(site_status_of(*state, targets[j]), rows[i].statuses[j]);
        site_control(*state, "clear=1");
    }
}

/* An entry of a partial tile that was served already, changed: what a CDN that mixes versions up
 * does. */
static void an_entry_of_a_tile_can_change_after_it_was_served(void **state)
{
    struct http_reply reply = site_get(*state, "/tiled/checkpoint");
    buffer_free(&reply.body);
    struct http_reply before = site_get(*state, "/tiled/tile/data/003.p/232");
    site_control(*state, "size=1010");
    reply = site_get(*state, "/tiled/checkpoint");
    buffer_free(&reply.body);
    struct http_reply grown = site_get(*state, "/tiled/tile/data/003.p/242");
    assert_memory_equal(before.body.data, grown.body.data, before.body.size);
    site_control(*state, "route=data&fault=bad-leaf&index=770");
    struct http_reply changed = site_get(*state, "/tiled/tile/data/003.p/242");
    assert_int_equal(grown.body.size, changed.body.size);
    size_t different = 0;
    for (size_t i = 0; i < grown.body.size; i++)
        different += grown.body.data[i] != changed.body.data[i];
    assert_int_equal(different, 1);
    buffer_free(&before.body);
    buffer_free(&grown.body);
    buffer_free(&changed.body);
}

static struct buffer inflate_body(const struct http_reply *reply)
{
    struct buffer plain;
    z_stream stream = { 0 };
    buffer_init(&plain, PLAIN_MAX);
    assert_int_equal(inflateInit2(&stream, WINDOW_BITS_GZIP), Z_OK);
    stream.next_in = reply->body.data;
    stream.avail_in = (uInt)reply->body.size;
    stream.next_out = buffer_reserve(&plain, PLAIN_MAX);
    stream.avail_out = PLAIN_MAX;
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    plain.size = PLAIN_MAX - stream.avail_out;
    (void)inflateEnd(&stream);
    return plain;
}

/* With a header that says so, and without. */
static void bodies_come_compressed_without_being_asked_to(void **state)
{
    static const char target[] = "/rfc6962/ct/v1/get-entries?start=0&end=99";
    static const struct {
        const char *query, *header;
    } rows[] = { { "fault=gzip", "Content-Encoding: gzip\r\n" }, { "fault=raw-gzip", "" } };
    struct http_reply plain = site_get(*state, target);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        site_control(*state, rows[i].query);
        struct http_reply reply = site_get(*state, target);
        struct buffer inflated = inflate_body(&reply);
        assert_true(bytes_equal(buffer_bytes(&inflated), buffer_bytes(&plain.body)));
        assert_int_equal(strstr(reply.headers, "Content-Encoding: gzip\r\n") != NULL,
                         *rows[i].header != '\0');
        buffer_free(&inflated);
        buffer_free(&reply.body);
        site_control(*state, "clear=1");
    }
    buffer_free(&plain.body);
}

/* A data tile is compressed as it is: once more, or without saying so. */
static void compressed_tiles_come_twice_compressed_or_unsaid(void **state)
{
    static const char target[] = "/tiled/tile/data/000";
    struct options options = site_options();
    options.has_gzip = true;
    struct site *zipped = site_create(options);
    struct http_reply plain = site_get(zipped, target);
    site_control(zipped, "fault=gzip");
    struct http_reply twice = site_get(zipped, target);
    struct buffer once = inflate_body(&twice);
    assert_true(bytes_equal(buffer_bytes(&once), buffer_bytes(&plain.body)));
    assert_string_equal(twice.headers, plain.headers);
    site_control(zipped, "clear=1&fault=raw-gzip");
    struct http_reply unsaid = site_get(zipped, target);
    assert_true(bytes_equal(buffer_bytes(&unsaid.body), buffer_bytes(&plain.body)));
    assert_null(strstr(unsaid.headers, "Encoding"));
    assert_non_null(strstr(unsaid.headers, "Cache-Control"));
    buffer_free(&plain.body);
    buffer_free(&twice.body);
    buffer_free(&once);
    buffer_free(&unsaid.body);
    site_destroy(zipped);
    (void)state;
}

static void a_bomb_is_small_until_it_is_inflated(void **state)
{
    site_control(*state, "route=data&fault=bomb&n=4");
    struct http_reply reply = site_get(*state, "/tiled/tile/data/000");
    assert_in_range(reply.body.size, 1000, 64 * 1024);
    struct buffer plain = inflate_body(&reply);
    assert_int_equal(plain.size, 4 * 1024 * 1024);
    buffer_free(&plain);
    buffer_free(&reply.body);
    assert_int_equal(site_status_of(*state, "/control?fault=bomb&n=5000"), 400);
}

static void expect_listed(struct site *site, const char *url)
{
    struct http_reply reply = site_get(site, "/log_list.json");
    assert_non_null(memmem(reply.body.data, reply.body.size, url, strlen(url)));
    buffer_free(&reply.body);
}

static void the_logs_move_and_the_list_says_so(void **state)
{
    expect_listed(*state, "\"http://127.0.0.1:6962/tiled/\"");
    site_control(*state, "move=new");
    expect_listed(*state, "\"http://127.0.0.1:6962/new/tiled/\"");
    expect_listed(*state, "\"http://127.0.0.1:6962/new/rfc6962/\"");
    assert_int_equal(site_status_of(*state, "/new/rfc6962/ct/v1/get-sth"), 200);
    assert_int_equal(site_status_of(*state, "/new/tiled/tile/data/000"), 200);
    assert_int_equal(site_status_of(*state, "/new/log_list.json"), 404);
    assert_int_equal(site_status_of(*state, "/rfc6962/ct/v1/get-sth"), 404);
    assert_int_equal(site_status_of(*state, "/tiled/tile/data/000"), 404);
    site_control(*state, "move=");
    assert_int_equal(site_status_of(*state, "/rfc6962/ct/v1/get-sth"), 200);
    assert_int_equal(site_status_of(*state, "/new/rfc6962/ct/v1/get-sth"), 404);
    assert_int_equal(site_status_of(*state, "/control?move=../x"), 400);
}

int main(void)
{
#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SITE(a_wrong_index_is_said_where_it_is_asked_for),
        WITH_SITE(a_wrong_index_can_be_in_the_tree),
        WITH_SITE(entries_keep_to_their_tile),
        WITH_SITE(an_end_beyond_the_tree_can_be_refused),
        WITH_SITE(an_empty_path_can_be_null),
        WITH_SITE(a_lagging_front_end_lacks_the_newest_everywhere),
        WITH_SITE(partial_tiles_go_when_their_full_tile_is_there),
        WITH_SITE(each_proof_can_be_refused_alone),
        WITH_SITE(an_entry_of_a_tile_can_change_after_it_was_served),
        WITH_SITE(bodies_come_compressed_without_being_asked_to),
        WITH_SITE(compressed_tiles_come_twice_compressed_or_unsaid),
        WITH_SITE(a_bomb_is_small_until_it_is_inflated),
        WITH_SITE(the_logs_move_and_the_list_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
