#include "streamer/ws/deflate_extension.h"

#include <string.h>

#include <libwebsockets.h>

enum {
    /* Of lws_ext_pm_deflate's own options (RFC 7692 section 7.1.1.2): nothing is kept from one
     * message of the client to the next, so an idle client has no inflater. */
    OPTION_CLIENT_NO_CONTEXT_TAKEOVER = 1,
};

/* libwebsockets writes the parameters that it knows itself into the answer; it shall know none. */
static const struct lws_ext_options no_options[] = { { 0 } };

static int construct(struct lws_context *context, const struct lws_extension *extension,
                     struct lws *wsi, void *user, void *in)
{
    if (lws_extension_callback_pm_deflate(context, extension, wsi, LWS_EXT_CB_CONSTRUCT, user, in,
                                          0))
        return -1;
    struct lws_ext_option_arg option = {
        .option_index = OPTION_CLIENT_NO_CONTEXT_TAKEOVER,
    };
    void *state = *(void **)user;
    (void)lws_extension_callback_pm_deflate(context, extension, wsi, LWS_EXT_CB_OPTION_SET, state,
                                            &option, 0);
    if (in)
        *(const struct lws_ext_options **)in = no_options;
    return 0;
}

/* NOLINTNEXTLINE(readability-function-size): the library's signature */
static int on_extension(struct lws_context *context, const struct lws_extension *extension,
                        struct lws *wsi, enum lws_extension_callback_reasons reason, void *user,
                        void *in, size_t size)
{
    switch ((int)reason) {
    case LWS_EXT_CB_CONSTRUCT: return construct(context, extension, wsi, user, in);
    case LWS_EXT_CB_PAYLOAD_RX:
    case LWS_EXT_CB_DESTROY:
        return lws_extension_callback_pm_deflate(context, extension, wsi, reason, user, in, size);
    default: return 0;
    }
}

static const struct lws_extension table[] = {
    {
        .name = WEBSOCKET_DEFLATE_NAME,
        .callback = on_extension,
        .client_offer = WEBSOCKET_DEFLATE_NAME,
    },
    { 0 },
};

const struct lws_extension *deflate_extension_table(void)
{
    return table;
}

enum websocket_deflate_answer deflate_extension_answer(struct lws *wsi)
{
    char text[WEBSOCKET_DEFLATE_OFFER_MAX + 2];
    int size = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_EXTENSIONS);
    return size > 0 ? websocket_deflate_answer(bytes_of(text, (size_t)size))
                    : WEBSOCKET_DEFLATE_NONE;
}

bool deflate_extension_is_too_long(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_EXTENSIONS) > WEBSOCKET_DEFLATE_OFFER_MAX;
}

bool deflate_extension_add_parameters(struct lws_process_html_args *headers,
                                      enum websocket_deflate_answer answer)
{
    static const char written[] = "\r\nSec-WebSocket-Extensions: " WEBSOCKET_DEFLATE_NAME "\r\n";
    const size_t written_size = sizeof written - 1;
    const char *parameters = websocket_deflate_parameters(answer);
    size_t size = strlen(parameters);
    if (memcmp(headers->p - written_size, written, written_size) != 0 ||
        headers->max_len < (int)size)
        return false;
    char *end = headers->p - strlen("\r\n");
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): more follows */
    memcpy(end, parameters, size);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): more follows */
    memcpy(end + size, "\r\n", strlen("\r\n"));
    headers->p += size;
    return true;
}
