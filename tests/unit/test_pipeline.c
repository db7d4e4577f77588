/* Entries of the local CT log through the pipeline: what goes to Redis, and what becomes of claims
 * that do not belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "ingest/make/pipeline.h"
#include "shared/base/memory.h"
#include "shared/base/reader.h"
#include "shared/json/json_reader.h"
#include "tests/support/ct_log/entries.h"

enum {
    ENTRIES = 64,
    TILE_MAX = 1 << 20,
    NOW_MS = 1000,
    HOUR_MS = 3600 * 1000,
};

static const struct message_source source = {
    .name = "a log",
    .url = "https://log.example/",
    .operator_name = "an operator",
    .log_id_base64 = "AAAA",
    .is_tiled = true,
};

struct made {
    struct entries *entries;
    struct pipeline *pipeline;
    struct batch *batch;
    struct buffer tile;
    struct entry read[ENTRIES];
};

static int setup(void **state)
{
    struct made *made = memory_allocate_zeroed(1, sizeof *made);
    struct entry_position positions[ENTRIES];
    for (uint64_t i = 0; i < ENTRIES; i++)
        positions[i] = (struct entry_position){ .index = i, .timestamp_ms = 1700000000000 + i };
    made->entries = entries_make("pipeline", 1700000000000);
    buffer_init(&made->tile, TILE_MAX);
    entries_write_tile(made->entries, positions, ENTRIES, false, &made->tile);
    struct reader tile = reader_of(buffer_bytes(&made->tile));
    for (size_t i = 0; i < ENTRIES; i++)
        assert_true(entry_read_tile_leaf(&made->read[i], &tile));
    made->pipeline = pipeline_create();
    const struct log_position empty = { .has_frontier = true };
    made->batch = batch_create(&empty, 0);
    made->batch->log_id_hex = "the log id";
    made->batch->stream = "the stream";
    *state = made;
    return 0;
}

static int teardown(void **state)
{
    struct made *made = *state;
    batch_destroy(made->batch);
    pipeline_destroy(made->pipeline);
    buffer_free(&made->tile);
    entries_destroy(made->entries);
    free(made);
    return 0;
}

static size_t learn_issuers(struct made *made)
{
    size_t count;
    const struct entry_issuer *issuers = entries_issuers(made->entries, &count);
    for (size_t i = 0; i < count; i++)
        assert_true(pipeline_learn_issuer(made->pipeline, issuers[i].fingerprint, issuers[i].der,
                                          made->batch->owner, NOW_MS));
    /* Nothing has named them yet. */
    assert_int_equal(made->batch->issuer_count, 0);
    return count;
}

static struct bytes issuer_der(const struct made *made, const uint8_t *fingerprint)
{
    size_t count;
    const struct entry_issuer *issuers = entries_issuers(made->entries, &count);
    for (size_t i = 0; i < count; i++)
        if (memcmp(issuers[i].fingerprint, fingerprint, SHA256_SIZE) == 0)
            return issuers[i].der;
    fail_msg("no such issuer");
    return (struct bytes){ 0 };
}

/* The same entry as an RFC 6962 log serves it: with its chain in `chain`. */
static struct entry with_served_chain(const struct made *made, const struct entry *entry,
                                      struct buffer *chain)
{
    struct entry served = *entry;
    served.has_fingerprints = false;
    buffer_clear(chain);
    for (size_t at = 0; at < entry->chain.size; at += SHA256_SIZE) {
        struct bytes der = issuer_der(made, entry->chain.data + at);
        const uint8_t size[] = { (uint8_t)(der.size >> 16), (uint8_t)(der.size >> 8),
                                 (uint8_t)der.size };
        buffer_append(chain, size, sizeof size);
        buffer_append_bytes(chain, der);
    }
    served.chain = buffer_bytes(chain);
    return served;
}

static cJSON *parse_message(const struct made *made, size_t entry)
{
    struct bytes json = batch_field(made->batch, entry, BATCH_JSON);
    cJSON *message = cJSON_ParseWithLength((const char *)json.data, json.size);
    assert_non_null(message);
    return message;
}

static const cJSON *member(const cJSON *object, const char *outer, const char *inner)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, outer);
    return inner ? cJSON_GetObjectItemCaseSensitive(found, inner) : found;
}

static size_t find_precertificate(const struct made *made, size_t from)
{
    while (from < ENTRIES && !made->read[from].is_precertificate)
        from++;
    assert_true(from < ENTRIES);
    return from;
}

static void every_field_of_the_stream_is_there(void **state)
{
    struct made *made = *state;
    (void)learn_issuers(made);
    for (size_t i = 0; i < ENTRIES; i++)
        pipeline_add_entry(made->pipeline, made->batch, &source, &made->read[i], 1700000001000);
    assert_int_equal(made->batch->position.next, ENTRIES);
    assert_int_equal(made->batch->position.frontier.size, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++) {
        struct bytes chain = batch_field(made->batch, i, BATCH_CHAIN);
        assert_int_equal(chain.size, (made->read[i].chain.size / SHA256_SIZE) * 65 - 1);
        assert_true(bytes_equal(batch_field(made->batch, i, BATCH_DER), made->read[i].certificate));
        assert_true(bytes_equal_string(batch_field(made->batch, i, BATCH_LOG), "the log id"));
        assert_int_equal(batch_field(made->batch, i, BATCH_TBS).size, 2 * SHA256_SIZE);
        cJSON *message = parse_message(made, i);
        const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
        assert_int_equal(member(data, "cert_index", NULL)->valueint, i);
        assert_null(member(data, "parse_error", NULL));
        assert_true(cJSON_IsTrue(member(data, "source", "chain_bound")));
        char *domains = cJSON_PrintUnformatted(member(data, "leaf_cert", "all_domains"));
        assert_true(bytes_equal_string(batch_field(made->batch, i, BATCH_DOMAINS), domains));
        cJSON_free(domains);
        cJSON_Delete(message);
    }
    const struct pipeline_stats *stats = pipeline_stats(made->pipeline);
    assert_int_equal(stats->entries, ENTRIES);
    assert_int_equal(
        stats->parse_errors + stats->malformed_entries + stats->unbound + stats->unchecked, 0);
    assert_true(stats->precertificates > 0 && stats->precertificates < ENTRIES);
}

static void an_issuer_is_sent_when_it_is_named_and_every_hour(void **state)
{
    struct made *made = *state;
    (void)learn_issuers(made);
    const struct entry *entry = &made->read[0];
    size_t count = entry->chain.size / SHA256_SIZE;
    for (uint64_t i = 0; i < 10; i++)
        pipeline_add_entry(made->pipeline, made->batch, &source, entry, NOW_MS + i);
    assert_int_equal(made->batch->issuer_count, count);
    for (size_t i = 0; i < count; i++) {
        struct bytes json = batch_issuer_json(made->batch, i);
        cJSON *object = cJSON_ParseWithLength((const char *)json.data, json.size);
        assert_non_null(json_read_string(object, "as_der"));
        cJSON_Delete(object);
        assert_int_equal(batch_issuer_fingerprint(made->batch, i).size, 64);
    }
    pipeline_add_entry(made->pipeline, made->batch, &source, entry, NOW_MS + HOUR_MS);
    assert_int_equal(made->batch->issuer_count, 2 * count);
    issuer_set_forget_stamps(pipeline_issuers(made->pipeline));
    pipeline_add_entry(made->pipeline, made->batch, &source, entry, NOW_MS + HOUR_MS + 1);
    assert_int_equal(made->batch->issuer_count, 3 * count);
}

/* Then only the time is renewed at which they were named. */
static void no_issuer_is_sent_when_redis_has_enough(void **state)
{
    struct made *made = *state;
    (void)learn_issuers(made);
    pipeline_limit_issuers(made->pipeline, true);
    pipeline_add_entry(made->pipeline, made->batch, &source, &made->read[0], NOW_MS);
    assert_true(made->batch->issuer_count > 0);
    assert_int_equal(batch_issuer_json(made->batch, 0).size, 0);
    assert_int_equal(pipeline_stats(made->pipeline)->issuers, 0);
}

static void expect_bound(struct made *made, size_t entry, bool is_bound)
{
    cJSON *message = parse_message(made, entry);
    const cJSON *value = member(member(message, "data", NULL), "source", "chain_bound");
    assert_true(is_bound ? cJSON_IsTrue(value) : cJSON_IsFalse(value));
    cJSON_Delete(message);
}

/* A chain that an RFC 6962 log serves is stored as far as each certificate belongs to the one
 * before. */
static void junk_in_a_chain_is_not_stored(void **state)
{
    struct made *made = *state;
    struct buffer chain;
    buffer_init(&chain, TILE_MAX);
    bool kinds[2] = { false, false };
    for (size_t i = 0; i < ENTRIES / 4; i++) {
        struct entry entry = with_served_chain(made, &made->read[i], &chain);
        size_t before = made->batch->issuer_count;
        issuer_set_forget_stamps(pipeline_issuers(made->pipeline));
        pipeline_add_entry(made->pipeline, made->batch, &source, &entry, NOW_MS);
        size_t count = made->batch->issuer_count - before;
        expect_bound(made, 2 * i, true);
        /* The entry's own certificate is nobody's issuer. */
        uint8_t size[] = { (uint8_t)(entry.certificate.size >> 16),
                           (uint8_t)(entry.certificate.size >> 8),
                           (uint8_t)entry.certificate.size };
        for (size_t junk = 0; junk < 10; junk++) {
            buffer_append(&chain, size, sizeof size);
            buffer_append_bytes(&chain, entry.certificate);
        }
        entry.chain = buffer_bytes(&chain);
        issuer_set_forget_stamps(pipeline_issuers(made->pipeline));
        before = made->batch->issuer_count;
        pipeline_add_entry(made->pipeline, made->batch, &source, &entry, NOW_MS);
        assert_int_equal(made->batch->issuer_count - before, count);
        expect_bound(made, 2 * i + 1, false);
        kinds[entry.is_precertificate] = true;
    }
    assert_true(kinds[false] && kinds[true]);
    buffer_free(&chain);
}

/* What is at hand is proven: it is published, and what is not at hand is said. */
static void extra_data_that_cannot_be_read_hides_nothing(void **state)
{
    struct made *made = *state;
    struct buffer leaf;
    buffer_init(&leaf, TILE_MAX);
    size_t at = find_precertificate(made, 0);
    for (size_t i = at; i < at + 2; i++) {
        buffer_clear(&leaf);
        buffer_append_bytes(&leaf, made->read[i].leaf_pieces[0]);
        buffer_append_bytes(&leaf, made->read[i].leaf_pieces[1]);
        struct entry entry;
        entry_read_rfc6962(&entry, buffer_bytes(&leaf), bytes_of_string("junk"));
        pipeline_add_entry(made->pipeline, made->batch, &source, &made->read[i], NOW_MS);
        pipeline_add_entry(made->pipeline, made->batch, &source, &entry, NOW_MS);
        size_t added = 2 * (i - at);
        assert_true(bytes_equal(batch_field(made->batch, added, BATCH_DOMAINS),
                                batch_field(made->batch, added + 1, BATCH_DOMAINS)));
        assert_true(batch_field(made->batch, added + 1, BATCH_DOMAINS).size > 2);
        cJSON *message = parse_message(made, added + 1);
        const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
        assert_string_equal(member(data, "parse_error", NULL)->valuestring, "malformed extra_data");
        assert_true(cJSON_IsString(member(data, "leaf_cert", "sha256")));
        assert_true(cJSON_IsString(member(data, "leaf_cert", "tbs_sha256")));
        cJSON_Delete(message);
        expect_bound(made, added + 1, false);
    }
    assert_int_equal(pipeline_stats(made->pipeline)->malformed_entries, 2);
    buffer_free(&leaf);
}

static void a_precertificate_that_is_not_the_leafs_is_not_published(void **state)
{
    struct made *made = *state;
    (void)learn_issuers(made);
    size_t one = find_precertificate(made, 0);
    size_t other = find_precertificate(made, one + 1);
    struct entry swapped = made->read[one];
    swapped.certificate = made->read[other].certificate;
    pipeline_add_entry(made->pipeline, made->batch, &source, &made->read[one], 0);
    pipeline_add_entry(made->pipeline, made->batch, &source, &swapped, 0);
    cJSON *genuine = parse_message(made, 0);
    cJSON *marked = parse_message(made, 1);
    const cJSON *genuine_data = cJSON_GetObjectItemCaseSensitive(genuine, "data");
    const cJSON *marked_data = cJSON_GetObjectItemCaseSensitive(marked, "data");
    assert_true(cJSON_IsFalse(member(marked_data, "source", "chain_bound")));
    assert_null(member(marked_data, "parse_error", NULL));
    /* What the leaf says: the names and the serial number of the genuine one. */
    static const char *const fields[] = { "all_domains", "serial_number", "subject", "issuer",
                                          "not_after" };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_true(cJSON_Compare(member(genuine_data, "leaf_cert", fields[i]),
                                  member(marked_data, "leaf_cert", fields[i]), true));
    assert_int_equal(pipeline_stats(made->pipeline)->unbound, 1);
    cJSON_Delete(genuine);
    cJSON_Delete(marked);
}

static void a_chain_of_another_issuer_is_marked(void **state)
{
    struct made *made = *state;
    (void)learn_issuers(made);
    struct entry entry = made->read[find_precertificate(made, 0)];
    /* The root in the issuer's place. */
    assert_int_equal(entry.chain.size, 2 * SHA256_SIZE);
    entry.chain = bytes_of(entry.chain.data + SHA256_SIZE, SHA256_SIZE);
    pipeline_add_entry(made->pipeline, made->batch, &source, &entry, 0);
    cJSON *message = parse_message(made, 0);
    assert_true(cJSON_IsFalse(member(member(message, "data", NULL), "source", "chain_bound")));
    assert_true(bytes_equal(batch_field(made->batch, 0, BATCH_DER), entry.certificate));
    cJSON_Delete(message);
}

static void an_issuer_that_is_not_there_is_counted_only(void **state)
{
    struct made *made = *state;
    pipeline_add_entry(made->pipeline, made->batch, &source,
                       &made->read[find_precertificate(made, 0)], 0);
    cJSON *message = parse_message(made, 0);
    assert_true(cJSON_IsNull(member(member(message, "data", NULL), "source", "chain_bound")));
    assert_int_equal(pipeline_stats(made->pipeline)->unchecked, 1);
    cJSON_Delete(message);
}

static void an_unreadable_leaf_is_published_with_the_reason(void **state)
{
    struct made *made = *state;
    struct entry entry;
    entry_read_rfc6962(&entry, bytes_of_string("\0\0not a leaf"), (struct bytes){ 0 });
    pipeline_add_entry(made->pipeline, made->batch, &source, &entry, 0);
    cJSON *message = parse_message(made, 0);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
    assert_true(cJSON_IsString(member(data, "parse_error", NULL)));
    assert_int_equal(cJSON_GetArraySize(member(data, "leaf_cert", "all_domains")), 0);
    /* No fingerprints of an empty string. */
    assert_true(cJSON_IsNull(member(data, "leaf_cert", "sha256")));
    assert_true(cJSON_IsNull(member(data, "leaf_cert", "fingerprint")));
    assert_int_equal(made->batch->position.next, 1);
    assert_int_equal(pipeline_stats(made->pipeline)->malformed_entries, 1);
    cJSON_Delete(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_the_stream_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(an_issuer_is_sent_when_it_is_named_and_every_hour, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_issuer_is_sent_when_redis_has_enough, setup, teardown),
        cmocka_unit_test_setup_teardown(junk_in_a_chain_is_not_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(extra_data_that_cannot_be_read_hides_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_precertificate_that_is_not_the_leafs_is_not_published,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_of_another_issuer_is_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(an_issuer_that_is_not_there_is_counted_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_leaf_is_published_with_the_reason, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
