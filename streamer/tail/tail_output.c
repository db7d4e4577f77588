#include "streamer/tail/tail_output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
    BLOCK_SIZE = 64 * 1024
};

void tail_output_init(struct tail_output *output, int descriptor)
{
    *output = (struct tail_output){ .descriptor = descriptor, .is_terminal = isatty(descriptor) };
    buffer_init(&output->rows, SIZE_MAX);
}

void tail_output_clear(struct tail_output *output)
{
    buffer_free(&output->rows);
}

enum tail_output_result tail_output_flush(struct tail_output *output)
{
    size_t done = 0;
    while (done < output->rows.size) {
        ssize_t size =
            write(output->descriptor, output->rows.data + done, output->rows.size - done);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EPIPE ? TAIL_OUTPUT_LEFT : TAIL_OUTPUT_FAILED;
        done += (size_t)size;
    }
    buffer_clear(&output->rows);
    return TAIL_OUTPUT_GOOD;
}

enum tail_output_result tail_output_add(struct tail_output *output)
{
    bool is_time = output->is_terminal || output->rows.size >= BLOCK_SIZE;
    return is_time ? tail_output_flush(output) : TAIL_OUTPUT_GOOD;
}

enum tail_output_result tail_output_look(const struct tail_output *output)
{
    struct pollfd descriptor = { .fd = output->descriptor };
    bool has_left = poll(&descriptor, 1, 0) > 0 && (descriptor.revents & POLLERR);
    return has_left ? TAIL_OUTPUT_LEFT : TAIL_OUTPUT_GOOD;
}
