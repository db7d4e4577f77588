/*
 * The go dialect against what certstream-server-go's own parser printed for the same inputs, byte
 * for byte. The one difference that is intended: its ST holds streetAddress by mistake; ours holds
 * stateOrProvinceName.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/message/message_go.h"
#include "shared/x509/certificate.h"
#include "tests/unit/corpus.h"
#include "tests/unit/golden_input.h"

enum {
    LIMIT = 64 << 20,
    EXPECTED_INPUTS = 75
};

struct golden {
    struct buffer inputs;
    struct bytes next_input;
    struct certificate *certificate;
    struct buffer out;
    struct buffer expected;
    size_t compared;
    size_t without_expectation;
    size_t differences;
};

static uint64_t milliseconds(const cJSON *object, const char *key)
{
    return (uint64_t)(cJSON_GetObjectItem(object, key)->valuedouble * 1000 + 0.5);
}

static struct message_entry entry_of(const cJSON *data, struct message_source *source)
{
    const cJSON *theirs = cJSON_GetObjectItem(data, "source");
    *source = (struct message_source){ .name = cJSON_GetObjectItem(theirs, "name")->valuestring,
                                       .url = "https://test.example/",
                                       .operator_name = "Operator",
                                       .log_id_base64 = "bG9n" };
    return (struct message_entry){ .source = source,
                                   .index = 42,
                                   .timestamp_ms = milliseconds(theirs, "timestamp"),
                                   .seen_ms = milliseconds(data, "seen") };
}

static void render_full(struct golden *golden, const struct golden_input *input, struct bytes json)
{
    struct buffer objects[GOLDEN_CHAIN_MAX];
    struct bytes issuers[GOLDEN_CHAIN_MAX];
    for (size_t i = 0; i < input->chain_count; i++) {
        buffer_init(&objects[i], LIMIT);
        assert_true(certificate_parse(golden->certificate, input->chain[i]));
        certificate_json_write(&objects[i], golden->certificate, CERTIFICATE_DIALECT_GO, true);
        issuers[i] = buffer_bytes(&objects[i]);
    }
    buffer_clear(&golden->out);
    assert_true(certificate_parse(golden->certificate, input->der));
    assert_true(message_go_write_full(&golden->out, json, golden->certificate, issuers,
                                      input->chain_count));
    for (size_t i = 0; i < input->chain_count; i++)
        buffer_free(&objects[i]);
}

static void cut(struct buffer *text, uint8_t *from, size_t size, struct bytes replacement)
{
    memmove(from + replacement.size, from + size, text->size - (size_t)(from + size - text->data));
    memcpy(from, replacement.data, replacement.size);
    text->size -= size - replacement.size;
}

/* Takes ST out, from the member and from `aggregated`: theirs is the street, ours the state. */
static void remove_states(struct buffer *text)
{
    static const char key[] = "\"ST\":";
    struct buffer aggregated;
    buffer_init(&aggregated, LIMIT);
    uint8_t *at = text->data;
    while ((at = memmem(at, text->size - (size_t)(at - text->data), key, sizeof key - 1))) {
        at += sizeof key - 1;
        if (*at != '"')
            continue;
        uint8_t *end = memchr(at + 1, '"', text->size - (size_t)(at + 1 - text->data));
        assert_non_null(end);
        buffer_clear(&aggregated);
        buffer_append_string(&aggregated, "/ST=");
        buffer_append(&aggregated, at + 1, (size_t)(end - at - 1));
        uint8_t *again =
            memmem(end, text->size - (size_t)(end - text->data), aggregated.data, aggregated.size);
        assert_non_null(again);
        cut(text, again, aggregated.size, bytes_of("", 0));
        cut(text, at, (size_t)(end + 1 - at), bytes_of("null", 4));
    }
    buffer_free(&aggregated);
}

static void compare(struct golden *golden, struct bytes expected)
{
    golden->compared++;
    remove_states(&golden->out);
    buffer_clear(&golden->expected);
    buffer_append_bytes(&golden->expected, expected);
    remove_states(&golden->expected);
    struct bytes theirs = buffer_bytes(&golden->expected);
    struct bytes ours = bytes_of(golden->out.data, golden->out.size - 1);
    if (bytes_equal(ours, theirs))
        return;
    golden->differences++;
    size_t at = 0;
    while (at < ours.size && at < theirs.size && ours.data[at] == theirs.data[at])
        at++;
    size_t from = at > 60 ? at - 60 : 0;
    (void)fprintf(stderr, "ours   %.*s\ntheirs %.*s\n", 200, (const char *)ours.data + from, 200,
                  (const char *)theirs.data + from);
}

static void visit_expectation(const char *name, struct bytes line, void *context)
{
    (void)name;
    static const char key[] = "\"full\":";
    struct golden *golden = context;
    struct golden_input input = { 0 };
    golden_input_read_next(&input, &golden->next_input);
    const uint8_t *full = memmem(line.data, line.size, key, sizeof key - 1);
    if (full) {
        full += sizeof key - 1;
        struct bytes theirs = bytes_of(full, (size_t)(line.data + line.size - 1 - full));
        cJSON *parsed = cJSON_ParseWithLength((const char *)theirs.data, theirs.size);
        struct message_source source;
        struct message_entry entry = entry_of(cJSON_GetObjectItem(parsed, "data"), &source);
        struct buffer json;
        buffer_init(&json, LIMIT);
        assert_true(certificate_parse(golden->certificate, input.der));
        message_write(&json, &entry, golden->certificate);
        render_full(golden, &input, buffer_bytes(&json));
        compare(golden, theirs);
        buffer_free(&json);
        cJSON_Delete(parsed);
    } else {
        golden->without_expectation++;
    }
    golden_input_free(&input);
}

static void compare_files(struct golden *golden, const char *inputs, const char *expectations)
{
    golden->inputs = corpus_read(inputs);
    golden->next_input = buffer_bytes(&golden->inputs);
    struct buffer lines = corpus_read(expectations);
    corpus_visit_lines(buffer_bytes(&lines), visit_expectation, golden);
    buffer_free(&lines);
    buffer_free(&golden->inputs);
}

static void renders_the_go_dialect_as_certstream_server_go_does(void **state)
{
    (void)state;
    if (!corpus_folder())
        skip();
    struct golden golden = { .certificate = certificate_create() };
    buffer_init(&golden.out, LIMIT);
    buffer_init(&golden.expected, LIMIT);
    compare_files(&golden, "golden/inputs_fixtures.txt", "golden/go_fixtures.jsonl");
    compare_files(&golden, "golden/inputs_crafted.txt", "golden/go_crafted.jsonl");
    certificate_destroy(golden.certificate);
    buffer_free(&golden.out);
    buffer_free(&golden.expected);
    assert_int_equal(golden.compared, EXPECTED_INPUTS);
    /* A time with an offset, which its parser refuses. */
    assert_int_equal(golden.without_expectation, 1);
    assert_int_equal(golden.differences, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_the_go_dialect_as_certstream_server_go_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
