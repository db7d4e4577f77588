#include "tests/unit/ct_log_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "tests/support/ct_log/ct_log.h"
#include "tests/support/ct_log/fault.h"
#include "tests/support/ct_log/list_signer.h"

enum {
    TEXT_SIZE = 512
};

struct options site_options(void)
{
    struct options options;
    assert_int_equal(options_read(&options, 0, NULL), OPTIONS_READY);
    options.size = CT_LOG_SITE_SIZE;
    options.has_size = true;
    options.has_gzip = false;
    return options;
}

struct site *site_create(struct options options)
{
    struct site *site = memory_allocate_zeroed(1, sizeof *site);
    site->options = options;
    site->routes.options = &site->options;
    site->routes.log = ct_log_create(&site->options, clock_realtime_ms());
    assert_non_null(site->routes.log);
    site->routes.faults = faults_create("routes test");
    site->routes.listing = listing_of_usable_logs();
    (void)snprintf(site->routes.host, sizeof site->routes.host, "127.0.0.1:6962");
    return site;
}

void site_destroy(struct site *site)
{
    ct_log_destroy(site->routes.log);
    list_signer_destroy(site->routes.list_signer);
    faults_destroy(site->routes.faults);
    free(site);
}

struct http_reply site_get(struct site *site, const char *target)
{
    char text[TEXT_SIZE];
    struct http_request request;
    size_t consumed;
    struct http_reply reply = { .status = 200, .content_type = "application/json" };
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n", target);
    assert_int_equal(http_request_parse(&request, bytes_of_string(text), &consumed),
                     HTTP_PARSE_DONE);
    buffer_init(&reply.body, CT_LOG_SITE_BODY_MAX);
    routes_answer(&site->routes, &request, &reply);
    return reply;
}

unsigned site_status_of(struct site *site, const char *target)
{
    struct http_reply reply = site_get(site, target);
    buffer_free(&reply.body);
    return reply.status;
}

cJSON *site_get_json(struct site *site, const char *target)
{
    struct http_reply reply = site_get(site, target);
    if (reply.status != 200)
        fail_msg("%s: status %u", target, reply.status);
    cJSON *json = cJSON_ParseWithLength((const char *)reply.body.data, reply.body.size);
    assert_non_null(json);
    buffer_free(&reply.body);
    return json;
}

void site_control(struct site *site, const char *query)
{
    char target[TEXT_SIZE];
    (void)snprintf(target, sizeof target, "/control?%s", query);
    cJSON_Delete(site_get_json(site, target));
}

const cJSON *site_member(const cJSON *object, const char *name)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!found)
        fail_msg("no member %s", name);
    return found;
}
