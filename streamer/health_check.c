#include "streamer/health_check.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "streamer/edge/listener.h"

enum {
    EXIT_NO_PLACE = 2,
    /* Each of connecting, asking and reading: together less than what a health check is given. */
    STEP_S = 2,
    /* The head of an answer, and why it is not ready. */
    ANSWER_SIZE = 2048,
};

static int complain_of_health(const char *what, int code)
{
    (void)fprintf(stderr, "certstream-streamer: %s\n", what);
    return code;
}

/* False if there is none that can be asked without TLS. */
static bool find_health_place(struct listener_place *place,
                              const struct streamer_settings *settings)
{
    bool is_admin = settings->admin_listen.count;
    const struct setting_list *places = is_admin ? &settings->admin_listen : &settings->listen;
    if (!places->count)
        return false;
    const char *wrong = listener_place_parse(place, places->items[0]);
    assert(!wrong);
    if (!place->has_port && !is_admin)
        place->port = (uint16_t)settings->port;
    bool is_tls = place->is_tls || (*settings->tls_cert && !place->is_unix && !place->is_plain);
    return !is_tls && (place->is_unix || place->port);
}

static bool send_request(int connection)
{
    static const char request[] = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    return write(connection, request, sizeof request - 1) == (ssize_t)(sizeof request - 1);
}

/* The whole answer, as text. */
static void read_answer(int connection, char *answer)
{
    size_t size = 0;
    for (ssize_t got; size < ANSWER_SIZE - 1; size += (size_t)got) {
        got = read(connection, answer + size, ANSWER_SIZE - 1 - size);
        if (got <= 0)
            break;
    }
    answer[size] = '\0';
}

int health_check_run(const struct streamer_settings *settings)
{
    static const char good[] = "HTTP/1.1 200";
    struct listener_place place;
    if (!find_health_place(&place, settings))
        return complain_of_health("--check wants an --admin-listen in the clear, with a port",
                                  EXIT_NO_PLACE);
    int connection = listener_connect(&place, STEP_S);
    if (connection < 0)
        return complain_of_health("it does not listen", EXIT_FAILURE);
    char answer[ANSWER_SIZE] = "";
    if (send_request(connection))
        read_answer(connection, answer);
    (void)close(connection);
    if (strncmp(answer, good, sizeof good - 1) == 0)
        return EXIT_SUCCESS;
    const char *body = strstr(answer, "\r\n\r\n");
    return complain_of_health(body ? body + 4 : "no answer", EXIT_FAILURE);
}
