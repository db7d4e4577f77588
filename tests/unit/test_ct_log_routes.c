/* What the local CT log answers, route by route, as a client would judge it: signatures by OpenSSL,
 * trees by hashing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "shared/base/base64.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/merkle_tree.h"
#include "tests/unit/corpus.h"
#include "tests/unit/ct_log_site.h"

enum {
    TEXT_SIZE = 512,
    HASH = MERKLE_HASH_SIZE,
    SIZE = CT_LOG_SITE_SIZE,
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

static struct buffer decode(struct bytes text)
{
    struct buffer out;
    buffer_init(&out, CT_LOG_SITE_BODY_MAX);
    assert_true(base64_decode(&out, text));
    return out;
}

static struct buffer decode_member(const cJSON *object, const char *name)
{
    return decode(bytes_of_string(site_member(object, name)->valuestring));
}

struct head {
    uint64_t size;
    uint64_t timestamp_ms;
    uint8_t root[HASH];
};

/* A DigitallySigned over the head (RFC 6962 section 3.5), checked with the key of the log list. */
static bool signature_holds(const struct head *head, struct bytes digitally_signed,
                            struct bytes key)
{
    struct reader reader = reader_of(digitally_signed);
    assert_int_equal(reader_integer(&reader, 2), 0x0403);
    struct bytes signature = reader_vector(&reader, 2);
    assert_true(reader_finished(&reader));
    uint8_t input[50] = { 0, 1 };
    for (size_t i = 0; i < 8; i++) {
        input[2 + i] = (uint8_t)(head->timestamp_ms >> (56 - 8 * i));
        input[10 + i] = (uint8_t)(head->size >> (56 - 8 * i));
    }
    memcpy(input + 18, head->root, HASH);
    const unsigned char *at = key.data;
    EVP_PKEY *public_key = d2i_PUBKEY(NULL, &at, (long)key.size);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_non_null(public_key);
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, public_key), 1);
    int result = EVP_DigestVerify(context, signature.data, signature.size, input, sizeof input);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public_key);
    return result == 1;
}

/* The key of the first log of a kind in the list, after its id was checked. */
static struct buffer listed_key(struct site *site, const char *kind, uint8_t *id)
{
    cJSON *list = site_get_json(site, "/log_list.json");
    const cJSON *owner = cJSON_GetArrayItem(site_member(list, "operators"), 0);
    const cJSON *log = cJSON_GetArrayItem(site_member(owner, kind), 0);
    struct buffer key = decode_member(log, "key");
    struct buffer listed_id = decode_member(log, "log_id");
    assert_int_equal(EVP_Digest(key.data, key.size, id, NULL, EVP_sha256(), NULL), 1);
    assert_true(bytes_equal(buffer_bytes(&listed_id), bytes_of(id, HASH)));
    buffer_free(&listed_id);
    cJSON_Delete(list);
    return key;
}

static bool get_sth(struct site *site, struct head *head)
{
    uint8_t id[HASH];
    struct buffer key = listed_key(site, "logs", id);
    cJSON *sth = site_get_json(site, "/rfc6962/ct/v1/get-sth");
    head->size = (uint64_t)site_member(sth, "tree_size")->valuedouble;
    head->timestamp_ms = (uint64_t)site_member(sth, "timestamp")->valuedouble;
    assert_true(base64_decode_exactly(
        head->root, HASH, bytes_of_string(site_member(sth, "sha256_root_hash")->valuestring)));
    struct buffer digitally_signed = decode_member(sth, "tree_head_signature");
    bool holds = signature_holds(head, buffer_bytes(&digitally_signed), buffer_bytes(&key));
    buffer_free(&digitally_signed);
    buffer_free(&key);
    cJSON_Delete(sth);
    return holds;
}

/* The next line of a text, without its newline. */
static struct bytes take_line(struct bytes *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    assert_non_null(end);
    struct bytes line = bytes_of(rest->data, (size_t)(end - rest->data));
    *rest = bytes_of(end + 1, rest->size - line.size - 1);
    return line;
}

static void check_key_id(struct bytes key_id, const char *origin, const uint8_t *log_id)
{
    uint8_t digest[HASH];
    struct buffer input;
    buffer_init(&input, TEXT_SIZE);
    buffer_append_string(&input, origin);
    buffer_append(&input, "\n\x05", 2);
    buffer_append(&input, log_id, HASH);
    assert_int_equal(EVP_Digest(input.data, input.size, digest, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(digest, key_id.data, key_id.size);
    buffer_free(&input);
}

/* The one signature of a note: key id, timestamp, DigitallySigned (static-ct-api). */
static bool note_signature_holds(struct site *site, struct head *head, struct bytes line)
{
    static const char prefix[] = "\u2014 127.0.0.1:6962/tiled ";
    uint8_t id[HASH];
    struct buffer key = listed_key(site, "tiled_logs", id);
    assert_true(line.size > sizeof prefix && memcmp(line.data, prefix, sizeof prefix - 1) == 0);
    struct buffer blob =
        decode(bytes_of(line.data + sizeof prefix - 1, line.size - (sizeof prefix - 1)));
    struct reader reader = reader_of(buffer_bytes(&blob));
    check_key_id(reader_take(&reader, 4), "127.0.0.1:6962/tiled", id);
    head->timestamp_ms = reader_integer(&reader, 8);
    bool holds = signature_holds(head, reader_rest(&reader), buffer_bytes(&key));
    buffer_free(&blob);
    buffer_free(&key);
    return holds;
}

static bool get_checkpoint(struct site *site, struct head *head)
{
    struct http_reply reply = site_get(site, "/tiled/checkpoint");
    char size[32];
    struct bytes rest = buffer_bytes(&reply.body);
    assert_true(bytes_equal_string(take_line(&rest), "127.0.0.1:6962/tiled"));
    struct bytes size_line = take_line(&rest);
    head->size = strtoull((const char *)size_line.data, NULL, 10);
    (void)snprintf(size, sizeof size, "%llu", (unsigned long long)head->size);
    assert_true(bytes_equal_string(size_line, size));
    assert_true(base64_decode_exactly(head->root, HASH, take_line(&rest)));
    assert_int_equal(take_line(&rest).size, 0);
    bool holds = note_signature_holds(site, head, take_line(&rest));
    assert_int_equal(rest.size, 0);
    buffer_free(&reply.body);
    return holds;
}

static size_t append_entries(struct site *site, struct merkle_tree *tree, const char *target)
{
    size_t count = 0;
    cJSON *page = site_get_json(site, target);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, site_member(page, "entries"))
    {
        struct buffer leaf = decode_member(entry, "leaf_input");
        merkle_tree_append(tree, buffer_bytes(&leaf));
        buffer_free(&leaf);
        count++;
    }
    cJSON_Delete(page);
    return count;
}

/* Fetches all entries below `size` and hashes them. */
static struct merkle_tree *drain(struct site *site, uint64_t size)
{
    struct merkle_tree *tree = merkle_tree_create();
    while (merkle_tree_size(tree) < size) {
        char target[TEXT_SIZE];
        (void)snprintf(target, sizeof target, "/rfc6962/ct/v1/get-entries?start=%llu&end=%llu",
                       (unsigned long long)merkle_tree_size(tree), (unsigned long long)size - 1);
        assert_true(append_entries(site, tree, target) > 0);
    }
    return tree;
}

static void assert_root(struct merkle_tree *tree, const struct head *head)
{
    uint8_t root[HASH];
    merkle_tree_root(tree, head->size, root);
    assert_memory_equal(root, head->root, HASH);
}

static void both_heads_are_signed_and_cover_the_entries(void **state)
{
    struct head sth, checkpoint;
    assert_true(get_sth(*state, &sth));
    assert_true(get_checkpoint(*state, &checkpoint));
    assert_int_equal(sth.size, SIZE);
    assert_int_equal(checkpoint.size, SIZE);
    struct merkle_tree *tree = drain(*state, sth.size);
    assert_root(tree, &sth);
    assert_root(tree, &checkpoint);
    merkle_tree_destroy(tree);
}

static size_t count_entries(struct site *site, const char *query)
{
    char target[TEXT_SIZE];
    struct merkle_tree *tree = merkle_tree_create();
    (void)snprintf(target, sizeof target, "/rfc6962/ct/v1/get-entries?%s", query);
    size_t count = append_entries(site, tree, target);
    merkle_tree_destroy(tree);
    return count;
}

static void get_entries_is_cut_to_tree_and_page(void **state)
{
    static const struct {
        const char *query;
        size_t count, aligned_count;
    } rows[] = {
        { "start=0&end=0", 1, 1 },        { "start=0&end=255", 256, 256 },
        { "start=0&end=9999", 256, 256 }, { "start=10&end=265", 256, 256 },
        { "start=10&end=266", 256, 246 }, { "start=255&end=800", 256, 1 },
        { "start=990&end=5000", 10, 10 }, { "start=768&end=18446744073709551615", 232, 232 },
        { "start=999&end=999", 1, 1 },
    };
    struct options options = site_options();
    options.is_aligned = true;
    struct site *aligned = site_create(options);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(count_entries(*state, rows[i].query), rows[i].count);
        assert_int_equal(count_entries(aligned, rows[i].query), rows[i].aligned_count);
    }
    site_destroy(aligned);
}

static void nonsense_is_answered_with_400(void **state)
{
    static const char *const targets[] = {
        "get-entries",
        "get-entries?start=0",
        "get-entries?start=5&end=4",
        "get-entries?start=1000&end=1000",
        "get-entries?start=-1&end=4",
        "get-entries?start=a&end=4",
        "get-sth-consistency?first=1",
        "get-sth-consistency?first=5&second=4",
        "get-sth-consistency?first=5&second=1001",
        "get-entry-and-proof?leaf_index=5&tree_size=5",
        "get-entry-and-proof?leaf_index=5&tree_size=1001",
        "get-proof-by-hash?hash=AAAA&tree_size=5",
        "get-proof-by-hash?hash=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D&tree_size=0",
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char target[TEXT_SIZE];
        (void)snprintf(target, sizeof target, "/rfc6962/ct/v1/%s", targets[i]);
        assert_int_equal(site_status_of(*state, target), 400);
    }
}

static void assert_hashes(const cJSON *list, const struct merkle_proof *proof)
{
    assert_int_equal(cJSON_GetArraySize(list), proof->count);
    for (size_t i = 0; i < proof->count; i++) {
        struct buffer hash = decode(bytes_of_string(cJSON_GetArrayItem(list, (int)i)->valuestring));
        assert_true(bytes_equal(buffer_bytes(&hash), bytes_of(proof->hashes[i], HASH)));
        buffer_free(&hash);
    }
}

static void proofs_are_those_of_the_tree(void **state)
{
    struct merkle_tree *tree = drain(*state, SIZE);
    struct merkle_proof proof;
    cJSON *answer =
        site_get_json(*state, "/rfc6962/ct/v1/get-sth-consistency?first=300&second=901");
    merkle_tree_prove_consistency(tree, 300, 901, &proof);
    assert_hashes(site_member(answer, "consistency"), &proof);
    cJSON_Delete(answer);
    answer =
        site_get_json(*state, "/rfc6962/ct/v1/get-entry-and-proof?leaf_index=500&tree_size=777");
    merkle_tree_prove_inclusion(tree, 500, 777, &proof);
    assert_hashes(site_member(answer, "audit_path"), &proof);
    struct buffer leaf = decode_member(answer, "leaf_input");
    struct merkle_tree *alone = merkle_tree_create();
    merkle_tree_append(alone, buffer_bytes(&leaf));
    assert_memory_equal(merkle_tree_nodes(alone, 0, 0, 1).data,
                        merkle_tree_nodes(tree, 0, 500, 1).data, HASH);
    merkle_tree_destroy(alone);
    buffer_free(&leaf);
    cJSON_Delete(answer);
    merkle_tree_destroy(tree);
}

/* Percent-encodes what base64 has and a query must not have. */
static void write_hash_query(char *out, size_t size, const uint8_t *hash, uint64_t tree_size)
{
    struct buffer text;
    buffer_init(&text, 64);
    base64_encode(&text, bytes_of(hash, HASH));
    int at = snprintf(out, size, "/rfc6962/ct/v1/get-proof-by-hash?tree_size=%llu&hash=",
                      (unsigned long long)tree_size);
    for (size_t i = 0; i < text.size; i++)
        at += snprintf(out + at, size - (size_t)at, "%%%02x", text.data[i]);
    buffer_free(&text);
}

static void a_leaf_is_found_by_its_hash(void **state)
{
    char target[TEXT_SIZE];
    struct merkle_proof proof;
    struct merkle_tree *tree = drain(*state, SIZE);
    uint8_t hash[HASH];
    memcpy(hash, merkle_tree_nodes(tree, 0, 321, 1).data, HASH);
    write_hash_query(target, sizeof target, hash, 900);
    cJSON *answer = site_get_json(*state, target);
    merkle_tree_prove_inclusion(tree, 321, 900, &proof);
    assert_int_equal((int)site_member(answer, "leaf_index")->valuedouble, 321);
    assert_hashes(site_member(answer, "audit_path"), &proof);
    cJSON_Delete(answer);
    write_hash_query(target, sizeof target, hash, 321);
    assert_int_equal(site_status_of(*state, target), 404);
    hash[0] ^= 1;
    write_hash_query(target, sizeof target, hash, 900);
    assert_int_equal(site_status_of(*state, target), 404);
    merkle_tree_destroy(tree);
}

static void tiles_exist_as_checkpoints_imply(void **state)
{
    static const struct {
        const char *path;
        unsigned before, after,
            dropped; /* the first checkpoint; a later one with --drop-partials */
    } rows[] = {
        { "tile/0/000", 200, 200, 200 },       { "tile/data/000", 200, 200, 200 },
        { "tile/0/002", 200, 200, 200 },       { "tile/0/003", 404, 404, 200 },
        { "tile/0/003.p/232", 404, 200, 404 }, { "tile/data/003.p/232", 404, 200, 404 },
        { "tile/0/003.p/231", 404, 404, 404 }, { "tile/0/003.p/233", 404, 404, 404 },
        { "tile/0/000.p/5", 404, 404, 404 },   { "tile/1/000.p/3", 404, 200, 200 },
        { "tile/1/000.p/2", 404, 404, 404 },   { "tile/1/000", 404, 404, 404 },
        { "tile/2/000.p/1", 404, 404, 404 },   { "tile/0/x001/000", 404, 404, 404 },
        { "tile/0/0", 404, 404, 404 },         { "tile/entries/000", 404, 404, 404 },
    };
    struct options options = site_options();
    options.drops_partials = true;
    struct site *dropping = site_create(options);
    struct head head;
    (void)get_checkpoint(dropping, &head);
    site_control(dropping, "size=2000");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            char target[TEXT_SIZE];
            (void)snprintf(target, sizeof target, "/tiled/%s", rows[i].path);
            assert_int_equal(site_status_of(*state, target), pass ? rows[i].after : rows[i].before);
            assert_int_equal(site_status_of(dropping, target), rows[i].dropped);
        }
        (void)get_checkpoint(*state, &head);
    }
    site_destroy(dropping);
}

static void hash_tiles_are_nodes_of_the_tree(void **state)
{
    static const struct {
        const char *target;
        unsigned level;
        uint64_t first, count;
    } rows[] = {
        { "/tiled/tile/0/001", 0, 256, 256 },
        { "/tiled/tile/0/003.p/232", 0, 768, 232 },
        { "/tiled/tile/1/000.p/3", 8, 0, 3 },
    };
    struct head head;
    assert_true(get_checkpoint(*state, &head));
    struct merkle_tree *tree = drain(*state, SIZE);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_reply reply = site_get(*state, rows[i].target);
        assert_true(
            bytes_equal(buffer_bytes(&reply.body),
                        merkle_tree_nodes(tree, rows[i].level, rows[i].first, rows[i].count)));
        buffer_free(&reply.body);
    }
    merkle_tree_destroy(tree);
}

static void issuers_have_the_name_of_their_hash(void **state)
{
    char target[TEXT_SIZE] = "/tiled/issuer/";
    uint8_t hash[HASH];
    cJSON *roots = site_get_json(*state, "/rfc6962/ct/v1/get-roots");
    const cJSON *root = cJSON_GetArrayItem(site_member(roots, "certificates"), 0);
    struct buffer der = decode(bytes_of_string(root->valuestring));
    assert_int_equal(EVP_Digest(der.data, der.size, hash, NULL, EVP_sha256(), NULL), 1);
    size_t prefix = strlen(target);
    hex_encode(target + prefix, bytes_of(hash, HASH));
    struct http_reply reply = site_get(*state, target);
    assert_int_equal(reply.status, 200);
    assert_true(bytes_equal(buffer_bytes(&reply.body), buffer_bytes(&der)));
    buffer_free(&reply.body);
    buffer_free(&der);
    cJSON_Delete(roots);
    hash[0] ^= 1;
    hex_encode(target + prefix, bytes_of(hash, HASH));
    assert_int_equal(site_status_of(*state, target), 404);
    assert_int_equal(site_status_of(*state, "/tiled/issuer/"), 404);
    assert_int_equal(site_status_of(*state, "/tiled/issuer/00"), 404);
}

static void a_kind_that_is_off_is_not_there(void **state)
{
    struct options options = site_options();
    (void)state;
    options.serves_tiled = false;
    struct site *site = site_create(options);
    assert_int_equal(site_status_of(site, "/rfc6962/ct/v1/get-sth"), 200);
    assert_int_equal(site_status_of(site, "/tiled/checkpoint"), 404);
    cJSON *list = site_get_json(site, "/log_list.json");
    const cJSON *owner = cJSON_GetArrayItem(site_member(list, "operators"), 0);
    assert_int_equal(cJSON_GetArraySize(site_member(owner, "logs")), 1);
    assert_int_equal(cJSON_GetArraySize(site_member(owner, "tiled_logs")), 0);
    cJSON_Delete(list);
    site_destroy(site);
}

static void grows_on_demand_and_stays_one_log(void **state)
{
    struct head before, after;
    assert_true(get_sth(*state, &before));
    site_control(*state, "size=1500");
    assert_true(get_sth(*state, &after));
    assert_int_equal(after.size, 1500);
    assert_true(after.timestamp_ms >= before.timestamp_ms);
    struct merkle_tree *tree = drain(*state, 1500);
    assert_root(tree, &before);
    assert_root(tree, &after);
    merkle_tree_destroy(tree);
    assert_int_equal(site_status_of(*state, "/control?size=99999999999"), 400);
    assert_int_equal(site_status_of(*state, "/control?size=x"), 400);
    assert_int_equal(site_status_of(*state, "/control?rate=-1"), 400);
    assert_int_equal(site_status_of(*state, "/control?fault=nonsense"), 400);
}

static void a_bad_signature_does_not_verify(void **state)
{
    struct head head;
    site_control(*state, "fault=bad-signature");
    assert_false(get_sth(*state, &head));
    assert_false(get_checkpoint(*state, &head));
    site_control(*state, "clear=1");
    assert_true(get_sth(*state, &head));
}

static void a_fork_is_signed_and_differs_from_its_entry_on(void **state)
{
    struct head truth, fork;
    uint8_t common[HASH], forked[HASH];
    assert_true(get_sth(*state, &truth));
    struct merkle_tree *tree = drain(*state, SIZE);
    site_control(*state, "fault=fork&n=600");
    assert_true(get_sth(*state, &fork));
    assert_memory_not_equal(fork.root, truth.root, HASH);
    struct merkle_tree *other = drain(*state, SIZE);
    assert_root(other, &fork);
    merkle_tree_root(tree, 600, common);
    merkle_tree_root(other, 600, forked);
    assert_memory_equal(common, forked, HASH);
    merkle_tree_root(tree, 601, common);
    merkle_tree_root(other, 601, forked);
    assert_memory_not_equal(common, forked, HASH);
    merkle_tree_destroy(other);
    merkle_tree_destroy(tree);
}

static void a_fork_grows_with_the_log(void **state)
{
    struct head fork;
    site_control(*state, "fault=fork&n=0");
    site_control(*state, "size=1100");
    assert_true(get_sth(*state, &fork));
    assert_int_equal(fork.size, 1100);
    struct merkle_tree *tree = drain(*state, 1100);
    assert_root(tree, &fork);
    merkle_tree_destroy(tree);
}

static void a_bad_leaf_is_one_bit_away(void **state)
{
    struct merkle_tree *tree = drain(*state, SIZE);
    site_control(*state, "route=get-entries&fault=bad-leaf&index=700");
    struct merkle_tree *other = drain(*state, SIZE);
    for (uint64_t i = 0; i < SIZE; i++) {
        bool same = memcmp(merkle_tree_nodes(tree, 0, i, 1).data,
                           merkle_tree_nodes(other, 0, i, 1).data, HASH) == 0;
        assert_int_equal(same, i != 700);
    }
    merkle_tree_destroy(other);
    merkle_tree_destroy(tree);
}

static void old_and_shrunken_heads_are_true_heads(void **state)
{
    struct head head, now;
    assert_true(get_sth(*state, &now));
    struct merkle_tree *tree = drain(*state, SIZE);
    site_control(*state, "fault=stale&n=100");
    assert_true(get_sth(*state, &head));
    assert_int_equal(head.size, SIZE - 100);
    assert_true(head.timestamp_ms < now.timestamp_ms);
    assert_root(tree, &head);
    site_control(*state, "clear=1");
    site_control(*state, "fault=shrink&n=2000");
    assert_true(get_sth(*state, &head));
    assert_int_equal(head.size, 0);
    assert_true(head.timestamp_ms >= now.timestamp_ms);
    assert_root(tree, &head);
    merkle_tree_destroy(tree);
}

static void entries_come_short_more_or_not_at_all(void **state)
{
    site_control(*state, "fault=short&page=3");
    assert_int_equal(count_entries(*state, "start=0&end=99"), 3);
    site_control(*state, "clear=1");
    site_control(*state, "fault=extra&n=5");
    assert_int_equal(count_entries(*state, "start=0&end=99"), 105);
    site_control(*state, "clear=1");
    site_control(*state, "fault=empty");
    assert_int_equal(count_entries(*state, "start=0&end=99"), 0);
    struct http_reply reply = site_get(*state, "/tiled/tile/data/000");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.size, 0);
    buffer_free(&reply.body);
}

/* Writes a get-entries answer to a file of its own, whose name is left in `path`. */
static void save_entries(struct site *site, const char *target, char *path)
{
    struct http_reply reply = site_get(site, target);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, reply.body.data, reply.body.size), reply.body.size);
    assert_int_equal(close(fd), 0);
    buffer_free(&reply.body);
}

static struct site *site_of_file(const char *path)
{
    struct options options = site_options();
    options.entries = path;
    options.has_size = false;
    return site_create(options);
}

static void given_entries_are_served_as_they_are(void **state)
{
    char path[] = "/tmp/ct_log_entries.XXXXXX";
    struct head head, checkpoint;
    save_entries(*state, "/rfc6962/ct/v1/get-entries?start=0&end=199", path);
    struct site *given = site_of_file(path);
    assert_true(get_sth(given, &head));
    assert_true(get_checkpoint(given, &checkpoint));
    assert_int_equal(head.size, 200);
    struct merkle_tree *ours = drain(*state, SIZE);
    struct merkle_tree *theirs = drain(given, 200);
    assert_root(ours, &head);
    assert_root(theirs, &head);
    struct http_reply reply = site_get(given, "/tiled/tile/data/000.p/200");
    struct http_reply made = site_get(*state, "/tiled/tile/data/000");
    assert_int_equal(reply.status, 200);
    assert_true(made.body.size > reply.body.size);
    assert_memory_equal(reply.body.data, made.body.data, reply.body.size);
    buffer_free(&made.body);
    buffer_free(&reply.body);
    merkle_tree_destroy(theirs);
    merkle_tree_destroy(ours);
    site_destroy(given);
    assert_int_equal(unlink(path), 0);
}

static void entries_at_other_places_have_no_tiled_view(void **state)
{
    char path[] = "/tmp/ct_log_entries.XXXXXX";
    struct head head;
    save_entries(*state, "/rfc6962/ct/v1/get-entries?start=1&end=20", path);
    struct site *given = site_of_file(path);
    assert_int_equal(site_status_of(given, "/tiled/checkpoint"), 404);
    assert_true(get_sth(given, &head));
    struct merkle_tree *tree = drain(given, 20);
    assert_root(tree, &head);
    merkle_tree_destroy(tree);
    site_destroy(given);
    assert_int_equal(unlink(path), 0);
}

static void real_entries_have_the_real_roots(void **state)
{
    char path[TEXT_SIZE];
    char text[2 * HASH + 1];
    struct head head;
    (void)state;
    if (!corpus_folder())
        skip();
    (void)snprintf(path, sizeof path, "%s/entries/derived/get-entries.navigli2025h2.0-255.json",
                   corpus_folder());
    struct site *given = site_of_file(path);
    assert_true(get_checkpoint(given, &head));
    hex_encode(text, bytes_of(head.root, HASH));
    assert_string_equal(text, "6c80217987879103977872b0d0f2a3b6d989da11ad194fd50f15396f44806fe7");
    struct buffer tile = corpus_read("static/navigli2025h2/tile/data/000");
    struct http_reply reply = site_get(given, "/tiled/tile/data/000");
    assert_true(bytes_equal(buffer_bytes(&reply.body), buffer_bytes(&tile)));
    buffer_free(&reply.body);
    buffer_free(&tile);
    site_destroy(given);
}

static void a_restarted_log_is_the_same_log(void **state)
{
    char path[] = "/tmp/ct_log_state.XXXXXX";
    struct head before, after;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0 && unlink(path) == 0);
    struct options options = site_options();
    options.state = path;
    struct site *site = site_create(options);
    site_control(site, "size=1234");
    assert_true(get_checkpoint(site, &before));
    site_destroy(site);
    options.size = 5;
    site = site_create(options);
    assert_int_equal(site_status_of(site, "/tiled/tile/0/004.p/210"), 200);
    assert_true(get_checkpoint(site, &after));
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.root, before.root, HASH);
    assert_true(after.timestamp_ms >= before.timestamp_ms);
    site_destroy(site);
    options.seed = "another";
    assert_null(ct_log_create(&options, clock_realtime_ms()));
    assert_int_equal(unlink(path), 0);
}

static void counts_what_it_answered(void **state)
{
    (void)site_status_of(*state, "/rfc6962/ct/v1/get-sth");
    (void)site_status_of(*state, "/rfc6962/ct/v1/get-sth");
    (void)site_status_of(*state, "/rfc6962/ct/v1/get-entries?start=5");
    (void)site_status_of(*state, "/nowhere");
    cJSON *stats = site_get_json(*state, "/stats");
    const cJSON *requests = site_member(stats, "requests");
    assert_int_equal((int)site_member(stats, "size")->valuedouble, SIZE);
    assert_int_equal((int)site_member(site_member(requests, "get-sth"), "200")->valuedouble, 2);
    assert_int_equal((int)site_member(site_member(requests, "get-entries"), "400")->valuedouble, 1);
    assert_int_equal((int)site_member(site_member(requests, "unknown"), "404")->valuedouble, 1);
    assert_true(site_member(site_member(stats, "bytes"), "get-sth")->valuedouble > 300);
    cJSON_Delete(stats);
}

int main(void)
{
#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SITE(both_heads_are_signed_and_cover_the_entries),
        WITH_SITE(get_entries_is_cut_to_tree_and_page),
        WITH_SITE(nonsense_is_answered_with_400),
        WITH_SITE(proofs_are_those_of_the_tree),
        WITH_SITE(a_leaf_is_found_by_its_hash),
        WITH_SITE(tiles_exist_as_checkpoints_imply),
        WITH_SITE(hash_tiles_are_nodes_of_the_tree),
        WITH_SITE(issuers_have_the_name_of_their_hash),
        WITH_SITE(a_kind_that_is_off_is_not_there),
        WITH_SITE(grows_on_demand_and_stays_one_log),
        WITH_SITE(a_bad_signature_does_not_verify),
        WITH_SITE(a_fork_is_signed_and_differs_from_its_entry_on),
        WITH_SITE(a_fork_grows_with_the_log),
        WITH_SITE(a_bad_leaf_is_one_bit_away),
        WITH_SITE(old_and_shrunken_heads_are_true_heads),
        WITH_SITE(entries_come_short_more_or_not_at_all),
        WITH_SITE(given_entries_are_served_as_they_are),
        WITH_SITE(entries_at_other_places_have_no_tiled_view),
        WITH_SITE(real_entries_have_the_real_roots),
        WITH_SITE(a_restarted_log_is_the_same_log),
        WITH_SITE(counts_what_it_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
