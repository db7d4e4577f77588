#include "tests/support/ct_log/log_list.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "shared/base/base64.h"
#include "shared/json/json_writer.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/listing.h"
#include "tests/support/ct_log/signing_key.h"

enum {
    URL_SIZE = 128,
    TIME_SIZE = 32,
    NAME_SIZE = 24,
    MMD_RFC6962 = 86400,
    MMD_TILED = 60,
};

static const uint64_t year_ms = UINT64_C(365) * 86400 * 1000;

static void write_time(struct json_writer *writer, const char *key, uint64_t time_ms)
{
    char text[TIME_SIZE];
    time_t moment = (time_t)(time_ms / 1000);
    struct tm parts;
    size_t size =
        gmtime_r(&moment, &parts) ? strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) : 0;
    assert(size > 0);
    json_key(writer, key);
    json_text(writer, bytes_of(text, size));
}

static void write_base64(struct json_writer *writer, const char *key, struct bytes bytes)
{
    struct buffer text;
    buffer_init(&text, 1024);
    base64_encode(&text, bytes);
    json_key(writer, key);
    json_text(writer, buffer_bytes(&text));
    buffer_free(&text);
}

static void write_url(struct json_writer *writer, const char *key, const char *base,
                      const char *path)
{
    char url[URL_SIZE];
    (void)snprintf(url, sizeof url, "http://%s/%s/", base, path);
    json_key(writer, key);
    json_string(writer, url);
}

static void write_final_head(struct json_writer *writer, struct ct_log *log, uint64_t size)
{
    const struct tree_head head = ct_log_head_of(log, size, 0, false);
    json_key(writer, "final_tree_head");
    json_begin_object(writer);
    write_base64(writer, "sha256_root_hash", bytes_of(head.root, sizeof head.root));
    json_key(writer, "tree_size");
    json_unsigned(writer, size);
    json_end_object(writer);
}

static void write_state(struct json_writer *writer, struct ct_log *log,
                        const struct listing *listing, enum ct_log_view view)
{
    const char *state = listing->states[view];
    if (!*state)
        return;
    json_key(writer, "state");
    json_begin_object(writer);
    json_key(writer, state);
    json_begin_object(writer);
    write_time(writer, "timestamp", ct_log_start_ms(log));
    if (strcmp(state, "readonly") == 0)
        write_final_head(writer, log, listing->final_size[view]);
    json_end_object(writer);
    json_end_object(writer);
}

/* What both kinds of log have in common. */
static void write_log(struct json_writer *writer, struct ct_log *log, const struct listing *listing,
                      enum ct_log_view view)
{
    const struct signing_key *key = ct_log_key(log, view);
    uint64_t start_ms = ct_log_start_ms(log);
    json_key(writer, "description");
    json_string(writer, view == CT_LOG_RFC6962 ? "Local RFC 6962 log" : "Local tiled log");
    write_base64(writer, "log_id", bytes_of(signing_key_id(key), SIGNING_KEY_ID_SIZE));
    write_base64(writer, "key", signing_key_info(key));
    json_key(writer, "mmd");
    json_unsigned(writer, view == CT_LOG_RFC6962 ? MMD_RFC6962 : MMD_TILED);
    write_state(writer, log, listing, view);
    json_key(writer, "temporal_interval");
    json_begin_object(writer);
    write_time(writer, "start_inclusive", start_ms - year_ms);
    write_time(writer, "end_exclusive", start_ms + 2 * year_ms);
    json_end_object(writer);
}

static void write_rfc6962(struct json_writer *writer, struct ct_log *log,
                          const struct listing *listing, const char *base)
{
    json_begin_object(writer);
    write_log(writer, log, listing, CT_LOG_RFC6962);
    write_url(writer, "url", base, "rfc6962");
    json_end_object(writer);
}

static void write_tiled(struct json_writer *writer, struct ct_log *log,
                        const struct listing *listing, const char *base)
{
    json_begin_object(writer);
    write_log(writer, log, listing, CT_LOG_TILED);
    write_url(writer, "submission_url", base, "tiled");
    write_url(writer, "monitoring_url", base, "tiled");
    json_end_object(writer);
}

/* A log with a key of its own, of which nothing but this is there. */
static void write_extra(struct json_writer *writer, const char *host, unsigned number)
{
    char text[NAME_SIZE];
    (void)snprintf(text, sizeof text, "extra%u", number);
    struct signing_key *key = signing_key_create(text, "extra log");
    json_begin_object(writer);
    json_key(writer, "description");
    json_string(writer, text);
    write_base64(writer, "log_id", bytes_of(signing_key_id(key), SIGNING_KEY_ID_SIZE));
    write_base64(writer, "key", signing_key_info(key));
    json_key(writer, "state");
    json_begin_object(writer);
    json_key(writer, "usable");
    json_begin_object(writer);
    json_end_object(writer);
    json_end_object(writer);
    write_url(writer, "url", host, text);
    json_end_object(writer);
    signing_key_destroy(key);
}

static bool is_listed(const struct ct_log *log, const struct listing *listing,
                      enum ct_log_view view)
{
    return ct_log_has_view(log, view) && strcmp(listing->states[view], "gone") != 0;
}

static void write_operator(struct json_writer *writer, struct ct_log *log,
                           const struct listing *listing, const char *base)
{
    json_begin_object(writer);
    json_key(writer, "name");
    json_string(writer, ct_log_operator(log));
    json_key(writer, "email");
    json_begin_array(writer);
    json_end_array(writer);
    json_key(writer, "logs");
    json_begin_array(writer);
    if (is_listed(log, listing, CT_LOG_RFC6962))
        write_rfc6962(writer, log, listing, base);
    for (unsigned i = 0; i < listing->extra_count; i++)
        write_extra(writer, base, i);
    json_end_array(writer);
    json_key(writer, "tiled_logs");
    json_begin_array(writer);
    if (is_listed(log, listing, CT_LOG_TILED))
        write_tiled(writer, log, listing, base);
    json_end_array(writer);
    json_end_object(writer);
}

void log_list_write(struct buffer *out, struct ct_log *log, const struct listing *listing,
                    const char *base)
{
    struct json_writer writer = json_writer_of(out);
    char version[NAME_SIZE];
    (void)snprintf(version, sizeof version, "1.%u", (unsigned)listing->version);
    json_begin_object(&writer);
    json_key(&writer, "version");
    json_string(&writer, version);
    write_time(&writer, "log_list_timestamp", ct_log_start_ms(log) - listing->age_s * 1000);
    json_key(&writer, "operators");
    json_begin_array(&writer);
    write_operator(&writer, log, listing, base);
    json_end_array(&writer);
    json_end_object(&writer);
}
