/* The settings of certstream-streamer; the table in the .c is the truth about them. */
#ifndef STREAMER_STREAMER_SETTINGS_H
#define STREAMER_STREAMER_SETTINGS_H

#include "shared/message/certificate_json.h"
#include "shared/process/settings.h"
#include "streamer/edge/customers.h"

struct streamer_settings {
    char *redis;
    char *prefix;
    struct setting_list listen;
    struct setting_list admin_listen;
    int64_t port;
    bool share_port;
    char *tls_cert;
    char *tls_key;
    struct setting_list tokens;
    char *token_file;
    struct setting_list origins;
    struct setting_list own_origins;
    struct setting_list trusted_proxies;
    char *dialect;
    bool no_deflate;
    int64_t ring_bytes;
    int64_t max_filters;
    int64_t unique_window;
    int64_t replay_pages;
    int64_t replay_rate;
    int64_t history_cache;
    int64_t max_clients;
    int64_t customer_connections;
    int64_t customer_filters;
    int64_t customer_filter_cost;
    int64_t customer_searches;
    int64_t customer_filter_time;
    int64_t customer_replay_rate;
    int64_t handshake_ms;
    int64_t heartbeat_ms;
    int64_t ping_ms;
    int64_t silence_ms;
    int64_t stall_ms;
    bool check;
};

extern const struct settings_program streamer_settings_program;

enum certificate_dialect streamer_settings_dialect(const struct streamer_settings *settings);
/* What each customer may have of what everybody shares. */
struct customer_limits streamer_settings_customer_limits(const struct streamer_settings *settings);

#endif
