#include "tests/unit/made_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    BODY_MAX = 64 * 1024 * 1024
};

void http_client_get(struct http_client *client, const struct http_get *request)
{
    assert_true(client->count < MADE_HTTP_WAITING_MAX);
    struct made_request *made = &client->waiting[client->count++];
    *made = (struct made_request){
        .body_max = request->body_max,
        .is_fresh = request->is_fresh,
        .on_response = request->on_response,
        .context = request->context,
    };
    (void)snprintf(made->url, sizeof made->url, "%s", request->url);
    client->asked++;
}

void http_response_take_body(const struct http_response *response, struct buffer *out)
{
    *out = *response->body;
    buffer_init(response->body, BODY_MAX);
}

size_t made_http_count(const struct http_client *client, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; i < client->count; i++)
        count += strstr(client->waiting[i].url, text) != NULL;
    return count;
}

size_t made_http_find(const struct http_client *client, const char *text)
{
    for (size_t i = 0; i < client->count; i++)
        if (strstr(client->waiting[i].url, text))
            return i;
    fail_msg("nobody asks for %s", text);
    return 0;
}

void made_http_answer_with(struct http_client *client, size_t number, struct http_response response,
                           struct bytes body)
{
    assert_true(number < client->count);
    const struct made_request made = client->waiting[number];
    struct buffer copy;
    buffer_init(&copy, BODY_MAX);
    buffer_append(&copy, body.data, body.size);
    client->count--;
    memmove(&client->waiting[number], &client->waiting[number + 1],
            (client->count - number) * sizeof *client->waiting);
    response.etag = response.error = response.peer = "";
    response.body = &copy;
    made.on_response(made.context, &response);
    buffer_free(&copy);
}

void made_http_answer(struct http_client *client, size_t number, long status, struct bytes body)
{
    const struct http_response response = { .result = HTTP_ANSWERED, .status = status };
    made_http_answer_with(client, number, response, body);
}

void made_http_stop(struct http_client *client)
{
    const struct http_response response = { .result = HTTP_STOPPED };
    while (client->count)
        made_http_answer_with(client, 0, response, (struct bytes){ 0 });
}
