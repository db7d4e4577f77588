#include "shared/message/message_go.h"

#include "shared/base/base64.h"
#include "shared/base/reader.h"
#include "shared/message/certificate_json.h"
#include "shared/message/certificate_json_go.h"
#include "shared/message/message.h"
#include "shared/x509/certificate.h"

/* Values of the stored message, as JSON; strings with their quotes. */
struct stored {
    struct bytes index;
    struct bytes link;
    struct bytes seen;
    struct bytes name;
    struct bytes url;
    struct bytes type;
    struct bytes timestamp;
};

static void expect(struct reader *reader, const char *text)
{
    if (!bytes_equal_string(reader_take(reader, strlen(text)), text))
        reader_fail(reader);
}

/* A string or a number, up to the comma or brace behind it, which is taken too. */
static struct bytes take_value(struct reader *reader)
{
    struct bytes rest = reader_rest(reader);
    bool quoted = false;
    size_t size = 0;
    for (; size < rest.size; size++) {
        uint8_t character = rest.data[size];
        if (character == '\\' && quoted)
            size++;
        else if (character == '"')
            quoted = !quoted;
        else if (!quoted && (character == ',' || character == '}'))
            break;
    }
    (void)reader_take(reader, size + 1);
    return reader_ok(reader) ? bytes_of(rest.data, size) : (struct bytes){ 0 };
}

static struct bytes take_stored_member(struct reader *reader, const char *key)
{
    expect(reader, "\"");
    expect(reader, key);
    expect(reader, "\":");
    return take_value(reader);
}

/* The members stand in the order in which message_write writes them. */
static bool read_stored(struct stored *stored, struct bytes json)
{
    struct reader reader = reader_of(json);
    expect(&reader, MESSAGE_UPDATE_PREFIX "\"data\":{");
    (void)take_stored_member(&reader, "update_type");
    stored->index = take_stored_member(&reader, "cert_index");
    stored->link = take_stored_member(&reader, "cert_link");
    stored->seen = take_stored_member(&reader, "seen");
    (void)take_stored_member(&reader, "submission_timestamp");
    expect(&reader, "\"source\":{");
    stored->name = take_stored_member(&reader, "name");
    stored->url = take_stored_member(&reader, "url");
    (void)take_stored_member(&reader, "operator");
    (void)take_stored_member(&reader, "log_id");
    stored->type = take_stored_member(&reader, "type");
    stored->timestamp = take_stored_member(&reader, "timestamp");
    return reader_ok(&reader);
}

/* Seconds with three decimals, as Go prints a float64: without zeros at the end. */
static void append_seconds(struct buffer *out, struct bytes seconds)
{
    while (seconds.size && seconds.data[seconds.size - 1] == '0')
        seconds.size--;
    if (seconds.size && seconds.data[seconds.size - 1] == '.')
        seconds.size--;
    buffer_append_bytes(out, seconds);
}

static void append_url(struct buffer *out, struct bytes url)
{
    if (url.size > 2 && url.data[url.size - 2] == '/') {
        buffer_append(out, url.data, url.size - 2);
        buffer_append_byte(out, '"');
        return;
    }
    buffer_append_bytes(out, url);
}

static void append_start(struct buffer *out, const struct stored *stored)
{
    buffer_append_string(out, "{\"data\":{\"cert_index\":");
    buffer_append_bytes(out, stored->index);
    buffer_append_string(out, ",\"cert_link\":");
    buffer_append_bytes(out, stored->link);
}

static void append_chain(struct buffer *out, const struct bytes *issuers, size_t issuer_count)
{
    for (size_t i = 0; i < issuer_count; i++) {
        buffer_append_string(out, i ? "," : ",\"chain\":[");
        buffer_append_bytes(out, issuers[i]);
    }
    if (issuer_count)
        buffer_append_byte(out, ']');
}

/* Precertificates have the same update_type as certificates there. */
static void append_end(struct buffer *out, const struct stored *stored,
                       const struct certificate *certificate, bool as_der)
{
    buffer_append_string(out, ",\"leaf_cert\":");
    certificate_json_write(out, certificate, CERTIFICATE_DIALECT_GO, as_der);
    buffer_append_string(out, ",\"seen\":");
    append_seconds(out, stored->seen);
    buffer_append_string(out, ",\"source\":{\"name\":");
    buffer_append_bytes(out, stored->name);
    buffer_append_string(out, ",\"url\":");
    append_url(out, stored->url);
    buffer_append_string(out, ",\"timestamp\":");
    append_seconds(out, stored->timestamp);
    buffer_append_string(out, ",\"type\":");
    buffer_append_bytes(out, stored->type);
    buffer_append_string(
        out, "},\"update_type\":\"X509LogEntry\"},\"message_type\":\"certificate_update\"}\n");
}

bool message_go_write_lite(struct buffer *out, struct bytes json,
                           const struct certificate *certificate)
{
    struct stored stored;
    if (!read_stored(&stored, json))
        return false;
    append_start(out, &stored);
    append_end(out, &stored, certificate, false);
    return true;
}

bool message_go_write_full(struct buffer *out, struct bytes json,
                           const struct certificate *certificate, const struct bytes *issuers,
                           size_t issuer_count)
{
    struct stored stored;
    if (!read_stored(&stored, json))
        return false;
    append_start(out, &stored);
    append_chain(out, issuers, issuer_count);
    append_end(out, &stored, certificate, true);
    return true;
}

/* The text of as_der, the last member of a stored certificate object: base64, which has no
 * quotes. */
static struct bytes find_der(struct bytes object)
{
    static const char key[] = ",\"as_der\":\"";
    static const char end[] = "\"}";
    size_t key_size = sizeof key - 1, end_size = sizeof end - 1;
    if (object.size < key_size + end_size ||
        memcmp(object.data + object.size - end_size, end, end_size) != 0)
        return (struct bytes){ 0 };
    const uint8_t *last = object.data + object.size - end_size;
    const uint8_t *quote = memrchr(object.data, '"', object.size - end_size);
    if (!quote || (size_t)(quote + 1 - object.data) < key_size ||
        memcmp(quote + 1 - key_size, key, key_size) != 0)
        return (struct bytes){ 0 };
    return bytes_of(quote + 1, (size_t)(last - quote - 1));
}

bool message_go_write_issuer(struct buffer *out, struct bytes object,
                             struct certificate *certificate, struct buffer *der)
{
    struct bytes text = find_der(object);
    buffer_clear(der);
    if (!text.size || !base64_decode(der, text))
        return false;
    (void)certificate_parse(certificate, buffer_bytes(der));
    certificate_json_write(out, certificate, CERTIFICATE_DIALECT_GO, true);
    return true;
}

void message_go_write_domains(struct buffer *out, const struct certificate *certificate)
{
    buffer_append_string(out, "{\"data\":");
    certificate_json_go_write_domains(out, certificate, true);
    buffer_append_string(out, ",\"message_type\":\"dns_entries\"}");
}
