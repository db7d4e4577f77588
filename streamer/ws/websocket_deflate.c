#include "streamer/ws/websocket_deflate.h"

#include <assert.h>

#include "shared/base/decimal.h"
#include "streamer/lanes/deflater.h"

enum {
    WINDOW_BITS_MIN = 8,
    WINDOW_BITS_MAX = 15,
};

/* The parameters that RFC 7692 section 7.1 knows, and whether the offer has had them. */
struct offer {
    bool server_no_context_takeover;
    bool client_no_context_takeover;
    bool client_max_window_bits;
    uint64_t server_max_window_bits; /* 0: not given */
};

static struct bytes trim(struct bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = bytes_of(text.data + 1, text.size - 1);
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Takes what stands before the next `separator` off `rest`. False when there is nothing left. */
static bool take_part(struct bytes *rest, uint8_t separator, struct bytes *part)
{
    if (!rest->data)
        return false;
    const uint8_t *end = rest->size ? memchr(rest->data, separator, rest->size) : NULL;
    size_t size = end ? (size_t)(end - rest->data) : rest->size;
    *part = trim(bytes_of(rest->data, size));
    *rest = end ? bytes_of(end + 1, rest->size - size - 1) : (struct bytes){ 0 };
    return true;
}

/* A number of bits, which may stand in quotes (RFC 6455 section 9.1). */
static bool read_bits(struct bytes value, uint64_t *bits)
{
    if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"')
        value = bytes_of(value.data + 1, value.size - 2);
    return decimal_parse(bits, value) && *bits >= WINDOW_BITS_MIN && *bits <= WINDOW_BITS_MAX;
}

static bool take_flag(bool *flag, struct bytes value)
{
    bool is_good = !*flag && !value.data;
    *flag = true;
    return is_good;
}

static bool take_server_bits(struct offer *offer, struct bytes value)
{
    return offer->server_max_window_bits == 0 && value.data &&
           read_bits(value, &offer->server_max_window_bits);
}

/* What the client limits itself to is no matter to us: whatever its window is, we can read it. */
static bool take_client_bits(struct offer *offer, struct bytes value)
{
    uint64_t bits;
    bool is_good = !offer->client_max_window_bits && (!value.data || read_bits(value, &bits));
    offer->client_max_window_bits = true;
    return is_good;
}

static bool take_parameter(struct offer *offer, struct bytes parameter)
{
    struct bytes value = parameter;
    struct bytes name = { 0 };
    (void)take_part(&value, '=', &name);
    value = value.data ? trim(value) : value;
    if (bytes_equal_string(name, "server_no_context_takeover"))
        return take_flag(&offer->server_no_context_takeover, value);
    if (bytes_equal_string(name, "client_no_context_takeover"))
        return take_flag(&offer->client_no_context_takeover, value);
    if (bytes_equal_string(name, "server_max_window_bits"))
        return take_server_bits(offer, value);
    if (bytes_equal_string(name, "client_max_window_bits"))
        return take_client_bits(offer, value);
    return false;
}

static enum websocket_deflate_answer answer_offer(struct bytes parameters)
{
    struct offer offer = { 0 };
    struct bytes parameter;
    while (take_part(&parameters, ';', &parameter))
        if (!take_parameter(&offer, parameter))
            return WEBSOCKET_DEFLATE_NONE;
    if (offer.server_max_window_bits == 0)
        return WEBSOCKET_DEFLATE_PLAIN;
    return offer.server_max_window_bits >= DEFLATER_WINDOW_BITS ? WEBSOCKET_DEFLATE_WINDOW
                                                                : WEBSOCKET_DEFLATE_NONE;
}

enum websocket_deflate_answer websocket_deflate_answer(struct bytes offers)
{
    struct bytes offer;
    enum websocket_deflate_answer answer = WEBSOCKET_DEFLATE_NONE;
    while (take_part(&offers, ',', &offer)) {
        struct bytes parameters = offer;
        struct bytes name = { 0 };
        (void)take_part(&parameters, ';', &name);
        if (!bytes_equal_string(name, WEBSOCKET_DEFLATE_NAME))
            continue;
        if (answer == WEBSOCKET_DEFLATE_NONE)
            answer = answer_offer(parameters);
    }
    return answer;
}

const char *websocket_deflate_parameters(enum websocket_deflate_answer answer)
{
    assert(answer != WEBSOCKET_DEFLATE_NONE && DEFLATER_WINDOW_BITS == 12);
    return answer == WEBSOCKET_DEFLATE_WINDOW
               ? "; server_no_context_takeover; client_no_context_takeover; "
                 "server_max_window_bits=12"
               : "; server_no_context_takeover; client_no_context_takeover";
}
