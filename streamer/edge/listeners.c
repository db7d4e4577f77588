#include "streamer/edge/listeners.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool say_listeners(char *reason, const char *why)
{
    (void)snprintf(reason, LISTENER_REASON_SIZE, "%s", why);
    return false;
}

static void complete(struct listener_place *place, const struct listeners_options *options)
{
    if (!place->has_port)
        place->port = options->port;
    place->is_shared = options->is_shared;
    place->is_tls |= options->has_certificate && !place->is_unix && !place->is_plain;
}

static bool is_ipv6(const struct listener_place *place)
{
    return strchr(place->address, ':') != NULL;
}

/* Where IPv4 has a listener of its own on the port, the one of IPv6 must not take it as well. */
static bool has_ipv4_twin(const struct listeners *listeners, const struct listener_place *place)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener_place *other = &listeners->items[i].place;
        if (!other->is_unix && !is_ipv6(other) && other->port == place->port)
            return true;
    }
    return false;
}

static bool parse(struct listeners *listeners, const struct listeners_options *options,
                  char *reason)
{
    for (size_t i = 0; i < options->count; i++) {
        if (listeners->count == LISTENERS_MAX)
            return say_listeners(reason, "more than 16 places to listen on");
        struct open_listener *item = &listeners->items[listeners->count++];
        item->descriptor = -1;
        const char *wrong = listener_place_parse(&item->place, options->places[i]);
        assert(!wrong);
        complete(&item->place, options);
        if (item->place.is_tls && !options->has_certificate)
            return say_listeners(reason, "https:// in --listen needs --tls-cert and --tls-key");
    }
    return listeners->count > 0 || say_listeners(reason, "no place to listen on");
}

bool listeners_open(struct listeners *listeners, const struct listeners_options *options,
                    char *reason)
{
    *listeners = (struct listeners){ 0 };
    bool good = parse(listeners, options, reason);
    for (size_t i = 0; good && i < listeners->count; i++) {
        struct open_listener *item = &listeners->items[i];
        item->place.ipv6_only = is_ipv6(&item->place) && has_ipv4_twin(listeners, &item->place);
        item->descriptor = listener_open(&item->place, item->url, reason);
        good = item->descriptor >= 0;
    }
    if (!good)
        listeners_close(listeners);
    return good;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->items[i].descriptor >= 0)
            listener_close(listeners->items[i].descriptor, &listeners->items[i].place);
    listeners->count = 0;
}
