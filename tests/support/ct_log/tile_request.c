#include "tests/support/ct_log/tile_request.h"

#include "shared/message/tile_path.h"

static bool take(struct bytes *rest, const char *text)
{
    size_t size = strlen(text);
    if (rest->size < size || memcmp(rest->data, text, size) != 0)
        return false;
    *rest = bytes_of(rest->data + size, rest->size - size);
    return true;
}

/* Digits up to the first other character; 0 if there is none. */
static unsigned take_digits(struct bytes *rest, size_t most)
{
    unsigned value = 0;
    for (size_t i = 0; i < most && rest->size && rest->data[0] >= '0' && rest->data[0] <= '9';
         i++) {
        value = value * 10 + (unsigned)(rest->data[0] - '0');
        *rest = bytes_of(rest->data + 1, rest->size - 1);
    }
    return value;
}

/* Lenient, because what it reads is then written again and compared. */
static void read_path(struct tile_request *request, struct bytes rest)
{
    *request = (struct tile_request){ .level = TILE_LEVEL_DATA, .width = TILE_WIDTH };
    (void)take(&rest, "tile/");
    if (!take(&rest, "data/")) {
        request->level = (int)take_digits(&rest, 2);
        (void)take(&rest, "/");
    }
    while (take(&rest, "x") && request->number < UINT64_MAX / 1000000) {
        request->number = (request->number + take_digits(&rest, 3)) * 1000;
        (void)take(&rest, "/");
    }
    request->number += take_digits(&rest, 3);
    if (take(&rest, ".p/"))
        request->width = take_digits(&rest, 3);
}

bool tile_request_parse(struct tile_request *request, struct bytes path)
{
    char canonical[TILE_PATH_SIZE];
    read_path(request, path);
    if (request->level > 63 || request->width < 1 || request->width > TILE_WIDTH)
        return false;
    tile_path_write(canonical, request->level, request->number, request->width);
    return bytes_equal_string(path, canonical);
}
