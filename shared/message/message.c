#include "shared/message/message.h"

#include "shared/base/base64.h"
#include "shared/json/json_writer.h"
#include "shared/message/certificate_json.h"
#include "shared/message/tile_path.h"
#include "shared/x509/certificate.h"

static const char update_prefix[] = MESSAGE_UPDATE_PREFIX;
/* What ends the certificate, data and the message. */
static const char update_end[] = "}}}";

static void write_link(struct buffer *out, const struct message_entry *entry)
{
    buffer_append_byte(out, '"');
    json_escape(out, bytes_of_string(entry->source->url));
    if (entry->source->is_tiled) {
        char path[TILE_PATH_SIZE];
        tile_path_write(path, TILE_LEVEL_DATA, entry->index / TILE_WIDTH, TILE_WIDTH);
        buffer_append_string(out, path);
    } else {
        buffer_append_string(out, "ct/v1/get-entries?start=");
        buffer_append_unsigned(out, entry->index);
        buffer_append_string(out, "&end=");
        buffer_append_unsigned(out, entry->index);
    }
    buffer_append_byte(out, '"');
}

static void write_source(struct json_writer *writer, const struct message_entry *entry)
{
    const struct message_source *source = entry->source;
    json_begin_object(writer);
    json_key(writer, "name");
    json_string(writer, source->name);
    json_key(writer, "url");
    json_string(writer, source->url);
    json_key(writer, "operator");
    json_string(writer, source->operator_name);
    json_key(writer, "log_id");
    json_string(writer, source->log_id_base64);
    json_key(writer, "type");
    json_string(writer, source->is_tiled ? "tiled" : "rfc6962");
    json_key(writer, "timestamp");
    json_milliseconds(writer, entry->timestamp_ms);
    json_key(writer, "chain_bound");
    if (entry->chain == MESSAGE_CHAIN_UNCHECKED)
        json_null(writer);
    else
        json_bool(writer, entry->chain == MESSAGE_CHAIN_BOUND);
    json_end_object(writer);
}

void message_write_start(struct buffer *out, const struct message_entry *entry)
{
    buffer_append_string(out, update_prefix);
    buffer_append_string(out, "\"data\":{\"update_type\":");
    if (entry->is_precertificate)
        buffer_append_string(out, "\"PrecertLogEntry\"");
    else
        buffer_append_string(out, "\"X509LogEntry\"");
    buffer_append_string(out, ",\"cert_index\":");
    buffer_append_unsigned(out, entry->index);
    buffer_append_string(out, ",\"cert_link\":");
    write_link(out, entry);
    struct json_writer writer = { .out = out, .needs_comma = true };
    json_key(&writer, "seen");
    json_milliseconds(&writer, entry->seen_ms);
    json_key(&writer, "submission_timestamp");
    json_milliseconds(&writer, entry->timestamp_ms);
    json_key(&writer, "source");
    write_source(&writer, entry);
}

void message_write_rest(struct buffer *out, const char *parse_error,
                        const struct certificate *certificate)
{
    struct json_writer writer = { .out = out, .needs_comma = true };
    if (!parse_error)
        parse_error = certificate_parse_error(certificate);
    if (parse_error) {
        json_key(&writer, "parse_error");
        json_string(&writer, parse_error);
    }
    buffer_append_string(out, ",\"leaf_cert\":");
    certificate_json_write(out, certificate, CERTIFICATE_DIALECT_CERTSTREAM, false);
    buffer_append_string(out, "}}");
}

void message_write(struct buffer *out, const struct message_entry *entry,
                   const struct certificate *certificate)
{
    message_write_start(out, entry);
    message_write_rest(out, entry->parse_error, certificate);
}

static bool is_update(struct bytes json)
{
    size_t prefix_size = sizeof update_prefix - 1;
    size_t end_size = sizeof update_end - 1;
    return json.size >= prefix_size + end_size &&
           memcmp(json.data, update_prefix, prefix_size) == 0 &&
           memcmp(json.data + json.size - end_size, update_end, end_size) == 0;
}

static void write_message_id(struct buffer *out, struct bytes id)
{
    if (!id.data)
        return;
    buffer_append_string(out, "\"id\":\"");
    json_escape(out, id);
    buffer_append_string(out, "\",");
}

static void write_matched(struct buffer *out, struct bytes matched)
{
    if (matched.size == 0)
        return;
    buffer_append_string(out, "\"matched\":");
    buffer_append_bytes(out, matched);
    buffer_append_byte(out, ',');
}

/* The stored message with its id, without its last `left_out` bytes. */
static void splice(struct buffer *out, struct bytes json, const struct message_envelope *envelope,
                   size_t left_out)
{
    size_t prefix_size = sizeof update_prefix - 1;
    buffer_append(out, json.data, prefix_size);
    write_message_id(out, envelope->id);
    write_matched(out, envelope->matched);
    buffer_append(out, json.data + prefix_size, json.size - prefix_size - left_out);
}

bool message_splice_lite(struct buffer *out, struct bytes json,
                         const struct message_envelope *envelope)
{
    if (!is_update(json))
        return false;
    splice(out, json, envelope, 0);
    return true;
}

bool message_splice_full(struct buffer *out, struct bytes json,
                         const struct message_envelope *envelope, struct bytes der,
                         const struct bytes *issuers, size_t issuer_count)
{
    if (!is_update(json))
        return false;
    splice(out, json, envelope, sizeof update_end - 1);
    buffer_append_string(out, ",\"as_der\":\"");
    base64_encode(out, der);
    buffer_append_string(out, "\"},\"chain\":[");
    for (size_t i = 0; i < issuer_count; i++) {
        if (i)
            buffer_append_byte(out, ',');
        buffer_append_bytes(out, issuers[i]);
    }
    buffer_append_string(out, "]}}");
    return true;
}

void message_splice_domains(struct buffer *out, struct bytes domains, struct bytes id)
{
    buffer_append_string(out, "{\"message_type\":\"dns_entries\",");
    write_message_id(out, id);
    buffer_append_string(out, "\"data\":");
    buffer_append_bytes(out, domains);
    buffer_append_byte(out, '}');
}

void message_write_heartbeat(struct buffer *out, uint64_t now_ms)
{
    buffer_append_string(out, "{\"message_type\":\"heartbeat\",\"timestamp\":");
    struct json_writer writer = json_writer_of(out);
    json_milliseconds(&writer, now_ms);
    buffer_append_byte(out, '}');
}
