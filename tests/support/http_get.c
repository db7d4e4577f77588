#include "tests/support/http_get.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

enum {
    /* The biggest answer a test asks for is a page of certificates. */
    BODY_MAX = 64 << 20,
    TIMEOUT_SECONDS = 20,
    URL_SIZE = 1024,
};

static size_t on_data(char *data, size_t unit, size_t count, void *context)
{
    struct buffer *body = context;
    buffer_append(body, data, unit * count);
    return body->failed ? 0 : unit * count;
}

static void perform(CURL *curl, struct http_answer *answer)
{
    if (curl_easy_perform(curl) != CURLE_OK)
        return;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    const char *content_type = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &content_type);
    (void)snprintf(answer->content_type, sizeof answer->content_type, "%s",
                   content_type ? content_type : "");
}

struct http_answer http_get(const char *url)
{
    struct http_answer answer = { 0 };
    buffer_init(&answer.body, BODY_MAX);
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    (void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_SECONDS);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    perform(curl, &answer);
    curl_easy_cleanup(curl);
    buffer_append_byte(&answer.body, '\0');
    answer.body.size--;
    return answer;
}

struct http_answer http_get_local(int port, const char *path)
{
    char url[URL_SIZE];
    int length = snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    assert_true(length > 0 && (size_t)length < sizeof url);
    return http_get(url);
}

uint64_t http_get_metric(int port, const char *name)
{
    char line[128];
    (void)snprintf(line, sizeof line, "\n%s ", name);
    struct http_answer answer = http_get_local(port, "/metrics");
    const char *at = strstr(http_answer_text(&answer), line);
    if (!at)
        fail_msg("no %s", name);
    uint64_t value = at ? strtoull(at + strlen(line), NULL, 10) : 0;
    http_answer_free(&answer);
    return value;
}

void http_answer_free(struct http_answer *answer)
{
    buffer_free(&answer->body);
}

const char *http_answer_text(const struct http_answer *answer)
{
    return (const char *)answer->body.data;
}
