/* certstream-streamer: settings, signals, the daemon. */
#include <signal.h>
#include <stdlib.h>

#include "streamer/health_check.h"
#include "streamer/streamer.h"
#include "streamer/streamer_settings.h"

enum {
    EXIT_WRONG_SETTING = 2
};

/* Signals are read from the loop; writing to a closed connection is an error, not a signal. */
static void set_signals(void)
{
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct streamer_settings settings = { 0 };
    int code = EXIT_FAILURE;
    switch (settings_read(&streamer_settings_program, &settings, argc, argv)) {
    case SETTINGS_READY:
        set_signals();
        code = settings.check ? health_check_run(&settings) : streamer_run(&settings);
        break;
    case SETTINGS_STOP: code = EXIT_SUCCESS; break;
    case SETTINGS_WRONG: code = EXIT_WRONG_SETTING; break;
    }
    settings_free(&streamer_settings_program, &settings);
    return code;
}
