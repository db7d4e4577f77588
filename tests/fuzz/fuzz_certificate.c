/*
 * Any bytes as a certificate: whatever they are, every message made of it is valid JSON in valid
 * UTF-8 without control characters, and the `domains` field is what all_domains says.
 */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "shared/base/utf8.h"
#include "shared/message/certificate_json.h"
#include "shared/message/message.h"
#include "shared/message/message_go.h"
#include "shared/x509/certificate.h"
#include "tests/fuzz/fuzz.h"

enum {
    LIMIT = 256 << 20
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_json(struct bytes json)
{
    cJSON *parsed = cJSON_ParseWithLength((const char *)json.data, json.size);
    check(parsed != NULL);
    cJSON_Delete(parsed);
    for (size_t at = 0; at < json.size;) {
        size_t size = utf8_sequence_size(bytes_of(json.data + at, json.size - at));
        check(size && json.data[at] >= 0x20);
        at += size;
    }
}

static void write_object(struct buffer *out, const struct certificate *certificate,
                         enum certificate_dialect dialect, bool as_der)
{
    buffer_clear(out);
    certificate_json_write(out, certificate, dialect, as_der);
    check(!out->failed);
    check_json(buffer_bytes(out));
}

/* In both dialects all_domains is the first member. */
static void check_domains(struct buffer *out, const struct certificate *certificate,
                          enum certificate_dialect dialect)
{
    static const char start[] = "{\"all_domains\":";
    struct buffer domains;
    buffer_init(&domains, LIMIT);
    certificate_json_write_domains(&domains, certificate, dialect);
    write_object(out, certificate, dialect, false);
    check(out->size > sizeof start - 1 + domains.size);
    check(memcmp(out->data, start, sizeof start - 1) == 0);
    check(memcmp(out->data + sizeof start - 1, domains.data, domains.size) == 0);
    check(out->data[sizeof start - 1 + domains.size] == ',');
    buffer_free(&domains);
}

static void check_messages(struct buffer *out, const struct certificate *certificate,
                           struct bytes der)
{
    static const struct message_source source = { "Log", "https://log.example/", "Operator", "bG9n",
                                                  false };
    struct message_entry entry = { .source = &source, .index = 1, .timestamp_ms = 2, .seen_ms = 3 };
    struct message_envelope envelope = { .id = bytes_of_string("1-1") };
    struct buffer json;
    buffer_init(&json, LIMIT);
    message_write(&json, &entry, certificate);
    check_json(buffer_bytes(&json));
    buffer_clear(out);
    check(message_splice_lite(out, buffer_bytes(&json), &envelope));
    check_json(buffer_bytes(out));
    buffer_clear(out);
    check(message_splice_full(out, buffer_bytes(&json), &envelope, der, NULL, 0));
    check_json(buffer_bytes(out));
    buffer_clear(out);
    check(message_go_write_full(out, buffer_bytes(&json), certificate, NULL, 0));
    check_json(bytes_of(out->data, out->size - 1));
    buffer_clear(out);
    message_go_write_domains(out, certificate);
    check_json(buffer_bytes(out));
    buffer_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes der = bytes_of(data, size);
    /* One for all inputs: what the last one left behind must not matter either. */
    static struct certificate *certificate;
    if (!certificate)
        certificate = certificate_create();
    struct buffer out;
    buffer_init(&out, LIMIT);
    bool parsed = certificate_parse(certificate, der);
    check(parsed == !certificate_parse_error(certificate));
    write_object(&out, certificate, CERTIFICATE_DIALECT_CERTSTREAM, true);
    write_object(&out, certificate, CERTIFICATE_DIALECT_GO, true);
    check_domains(&out, certificate, CERTIFICATE_DIALECT_CERTSTREAM);
    check_domains(&out, certificate, CERTIFICATE_DIALECT_GO);
    check_messages(&out, certificate, der);
    buffer_free(&out);
    return 0;
}
