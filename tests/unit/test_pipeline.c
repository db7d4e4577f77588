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
    TILE_MAX = 1 << 20
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
    made->batch = batch_create(&empty);
    made->batch->log_id_hex = "the log id";
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

static void add_issuers(struct made *made)
{
    size_t count;
    const struct entry_issuer *issuers = entries_issuers(made->entries, &count);
    for (size_t i = 0; i < count; i++)
        pipeline_add_issuer(made->pipeline, made->batch, issuers[i].der);
    assert_int_equal(made->batch->issuer_count, count);
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
    add_issuers(made);
    for (size_t i = 0; i < ENTRIES; i++)
        pipeline_add_entry(made->pipeline, made->batch, &source, &made->read[i], 1700000001000);
    assert_int_equal(made->batch->position.next, ENTRIES);
    assert_int_equal(made->batch->position.frontier.size, ENTRIES);
    for (size_t i = 0; i < ENTRIES; i++) {
        struct bytes chain = batch_field(made->batch, i, BATCH_CHAIN);
        assert_int_equal(chain.size, (made->read[i].chain.size / SHA256_SIZE) * 65 - 1);
        assert_true(bytes_equal(batch_field(made->batch, i, BATCH_DER), made->read[i].certificate));
        assert_true(bytes_equal_string(batch_field(made->batch, i, BATCH_LOG), "the log id"));
        cJSON *message = parse_message(made, i);
        const cJSON *data = cJSON_GetObjectItemCaseSensitive(message, "data");
        assert_int_equal(member(data, "cert_index", NULL)->valueint, i);
        assert_null(member(data, "parse_error", NULL));
        assert_null(member(data, "source", "chain_bound"));
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

static void an_issuer_is_sent_once(void **state)
{
    struct made *made = *state;
    add_issuers(made);
    size_t count = made->batch->issuer_count;
    add_issuers(made);
    assert_int_equal(made->batch->issuer_count, count);
    for (size_t i = 0; i < count; i++) {
        struct bytes json = batch_issuer_json(made->batch, i);
        cJSON *object = cJSON_ParseWithLength((const char *)json.data, json.size);
        assert_non_null(json_read_string(object, "as_der"));
        cJSON_Delete(object);
        assert_int_equal(batch_issuer_fingerprint(made->batch, i).size, 64);
    }
}

static void a_precertificate_that_is_not_the_leafs_is_not_published(void **state)
{
    struct made *made = *state;
    add_issuers(made);
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
    add_issuers(made);
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
    assert_null(member(member(message, "data", NULL), "source", "chain_bound"));
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
    assert_int_equal(made->batch->position.next, 1);
    assert_int_equal(pipeline_stats(made->pipeline)->malformed_entries, 1);
    cJSON_Delete(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_of_the_stream_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(an_issuer_is_sent_once, setup, teardown),
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
