#include "streamer/tail/certificate_text.h"

#include <stdio.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "shared/json/json_reader.h"

enum {
    /* RFC 7468 section 2. */
    PEM_LINE = 64,
    TEXT_SIZE = 64,
};

struct writing {
    struct buffer *out;
    const struct terminal *terminal;
};

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static void begin_row(const struct writing *writing, const char *label)
{
    buffer_append_format(writing->out, "%s%-12s%s",
                         terminal_colour(writing->terminal, TERMINAL_DIM), label,
                         terminal_colour(writing->terminal, TERMINAL_PLAIN));
}

static void write_row(const struct writing *writing, const char *label, const char *value)
{
    if (!value)
        return;
    begin_row(writing, label);
    (void)terminal_append_text(writing->out, bytes_of_string(value), SIZE_MAX);
    buffer_append_byte(writing->out, '\n');
}

static void write_integer(const struct writing *writing, const char *label, const cJSON *value)
{
    char text[TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%.15g", cJSON_IsNumber(value) ? value->valuedouble : 0);
    write_row(writing, label, cJSON_IsNumber(value) ? text : NULL);
}

static void write_time(const struct writing *writing, const char *label, const cJSON *value)
{
    struct tm parts;
    char text[TEXT_SIZE];
    if (!cJSON_IsNumber(value) || value->valuedouble < -62135596800.0 ||
        value->valuedouble > 253402300799.0)
        return;
    time_t when = (time_t)value->valuedouble;
    if (gmtime_r(&when, &parts) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts))
        write_row(writing, label, text);
}

/* One row for each; the label stands before the first. */
static void write_texts(const struct writing *writing, const char *label, const cJSON *texts)
{
    const cJSON *text;
    cJSON_ArrayForEach(text, texts)
    {
        write_row(writing, label, cJSON_GetStringValue(text));
        label = "";
    }
}

static void write_key(const struct writing *writing, const cJSON *key)
{
    char text[2 * TEXT_SIZE];
    const char *type = json_read_string(key, "type"), *curve = json_read_string(key, "curve");
    const cJSON *bits = member(key, "bits");
    if (cJSON_IsNumber(bits))
        (void)snprintf(text, sizeof text, "%.32s %.15g", type ? type : "", bits->valuedouble);
    else
        (void)snprintf(text, sizeof text, "%.32s %.64s", type ? type : "", curve ? curve : "");
    write_row(writing, "key", type ? text : NULL);
}

static void write_chain(const struct writing *writing, const cJSON *chain)
{
    const cJSON *issuer;
    const char *label = "chain";
    cJSON_ArrayForEach(issuer, chain)
    {
        write_row(writing, label, json_read_string(member(issuer, "subject"), "aggregated"));
        label = "";
    }
}

static bool is_base64(const char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    return text && *text && text[strspn(text, alphabet)] == '\0';
}

/* RFC 7468 section 5. */
static void write_pem(struct buffer *out, const char *base64)
{
    if (!is_base64(base64))
        return;
    buffer_append_string(out, "\n-----BEGIN CERTIFICATE-----\n");
    for (size_t left = strlen(base64), size; left; left -= size, base64 += size) {
        size = left < PEM_LINE ? left : PEM_LINE;
        buffer_append(out, base64, size);
        buffer_append_byte(out, '\n');
    }
    buffer_append_string(out, "-----END CERTIFICATE-----\n");
}

static void write_certificate(const struct writing *writing, const cJSON *data)
{
    const cJSON *leaf = member(data, "leaf_cert"), *source = member(data, "source");
    const char *type = json_read_string(data, "update_type");
    bool is_precertificate = type && strcmp(type, "PrecertLogEntry") == 0;
    write_texts(writing, "names", member(leaf, "all_domains"));
    write_texts(writing, "addresses", member(leaf, "all_ips"));
    write_row(writing, "type", is_precertificate ? "precertificate" : "certificate");
    write_row(writing, "subject", json_read_string(member(leaf, "subject"), "aggregated"));
    write_row(writing, "issuer", json_read_string(member(leaf, "issuer"), "aggregated"));
    write_time(writing, "not before", member(leaf, "not_before"));
    write_time(writing, "not after", member(leaf, "not_after"));
    write_row(writing, "serial", json_read_string(leaf, "serial_number"));
    write_key(writing, member(leaf, "public_key"));
    write_row(writing, "signature", json_read_string(leaf, "signature_algorithm"));
    write_row(writing, "SHA-256", json_read_string(leaf, "sha256"));
    write_row(writing, "SHA-1", json_read_string(leaf, "sha1"));
    write_row(writing, "log", json_read_string(source, "name"));
    write_integer(writing, "index", member(data, "cert_index"));
    write_row(writing, "link", json_read_string(data, "cert_link"));
    write_time(writing, "logged", member(data, "submission_timestamp"));
    write_time(writing, "seen", member(data, "seen"));
    write_row(writing, "unreadable", json_read_string(data, "parse_error"));
    write_chain(writing, member(data, "chain"));
    write_pem(writing->out, json_read_string(leaf, "as_der"));
}

bool certificate_text_write(struct buffer *out, const struct terminal *terminal,
                            struct bytes message)
{
    const struct writing writing = { out, terminal };
    cJSON *json = cJSON_ParseWithLength((const char *)message.data, message.size);
    const char *type = json_read_string(json, "message_type");
    bool is_one = type && strcmp(type, "certificate_update") == 0;
    if (is_one)
        write_certificate(&writing, member(json, "data"));
    cJSON_Delete(json);
    return is_one;
}
