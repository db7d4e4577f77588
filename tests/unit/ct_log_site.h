/* A local CT log and its routes, without a server before them. */
#ifndef TESTS_UNIT_CT_LOG_SITE_H
#define TESTS_UNIT_CT_LOG_SITE_H

#include <cjson/cJSON.h>

#include "tests/support/ct_log/http_message.h"
#include "tests/support/ct_log/options.h"
#include "tests/support/ct_log/routes.h"

enum {
    CT_LOG_SITE_BODY_MAX = 64 * 1024 * 1024,
    CT_LOG_SITE_SIZE = 1000,
};

struct site {
    struct options options;
    struct routes routes;
};

/* CT_LOG_SITE_SIZE entries; tiles are plain. */
struct options site_options(void);
struct site *site_create(struct options options);
void site_destroy(struct site *site);

/* The reply to a GET. Its body is freed by the caller. */
struct http_reply site_get(struct site *site, const char *target);
unsigned site_status_of(struct site *site, const char *target);
/* Fails the test unless it is a 200. Freed with cJSON_Delete. */
cJSON *site_get_json(struct site *site, const char *target);
void site_control(struct site *site, const char *query);
/* Fails the test if it is not there. */
const cJSON *site_member(const cJSON *object, const char *name);

#endif
