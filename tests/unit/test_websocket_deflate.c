/* What clients offer today, what they might, and the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "streamer/ws/websocket_deflate.h"

static void each_offer_has_its_answer(void **state)
{
    (void)state;
    static const struct {
        const char *offers;
        enum websocket_deflate_answer answer;
    } cases[] = {
        { "permessage-deflate", WEBSOCKET_DEFLATE_PLAIN },
        /* Chromium, Firefox, Node's ws. */
        { "permessage-deflate; client_max_window_bits", WEBSOCKET_DEFLATE_PLAIN },
        /* Python's websockets. */
        { "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
          WEBSOCKET_DEFLATE_WINDOW },
        { "permessage-deflate; server_max_window_bits=15", WEBSOCKET_DEFLATE_WINDOW },
        { "permessage-deflate; server_max_window_bits=\"12\"", WEBSOCKET_DEFLATE_WINDOW },
        { "permessage-deflate; server_max_window_bits=11", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=10, permessage-deflate; "
          "client_max_window_bits",
          WEBSOCKET_DEFLATE_PLAIN },
        { "permessage-deflate;server_no_context_takeover;client_no_context_takeover",
          WEBSOCKET_DEFLATE_PLAIN },
        { " permessage-deflate ;\tserver_no_context_takeover ", WEBSOCKET_DEFLATE_PLAIN },
        { "x-webkit-deflate-frame, permessage-deflate", WEBSOCKET_DEFLATE_PLAIN },
        { "x-webkit-deflate-frame", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate2", WEBSOCKET_DEFLATE_NONE },
        { "", WEBSOCKET_DEFLATE_NONE },
        { ",,;;==", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; unknown", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate;", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=7", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=16", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=012", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=\"", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15",
          WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; client_max_window_bits=8", WEBSOCKET_DEFLATE_PLAIN },
        { "permessage-deflate; client_max_window_bits=7", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; client_max_window_bits; client_max_window_bits",
          WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_no_context_takeover=1", WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
          WEBSOCKET_DEFLATE_NONE },
        { "permessage-deflate, permessage-deflate; client_max_window_bits",
          WEBSOCKET_DEFLATE_PLAIN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (websocket_deflate_answer(bytes_of_string(cases[i].offers)) != cases[i].answer)
            fail_msg("wrong answer to: %s", cases[i].offers);
}

static void the_window_is_confirmed_only_if_it_was_limited(void **state)
{
    (void)state;
    assert_non_null(strstr(websocket_deflate_parameters(WEBSOCKET_DEFLATE_WINDOW),
                           "; server_max_window_bits=12"));
    assert_null(strstr(websocket_deflate_parameters(WEBSOCKET_DEFLATE_PLAIN), "window"));
    assert_non_null(strstr(websocket_deflate_parameters(WEBSOCKET_DEFLATE_PLAIN),
                           "; server_no_context_takeover; client_no_context_takeover"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_offer_has_its_answer),
        cmocka_unit_test(the_window_is_confirmed_only_if_it_was_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
