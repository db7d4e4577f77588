#include "streamer/ws/utf8_check.h"

/* The table of well-formed sequences (Unicode 15 table 3-7): what the first byte says of the rest.
 * */
static const struct {
    uint8_t first, last, missing, low, high;
} leads[] = {
    { 0x00, 0x7f, 0, 0x80, 0xbf }, { 0xc2, 0xdf, 1, 0x80, 0xbf }, { 0xe0, 0xe0, 2, 0xa0, 0xbf },
    { 0xe1, 0xec, 2, 0x80, 0xbf }, { 0xed, 0xed, 2, 0x80, 0x9f }, { 0xee, 0xef, 2, 0x80, 0xbf },
    { 0xf0, 0xf0, 3, 0x90, 0xbf }, { 0xf1, 0xf3, 3, 0x80, 0xbf }, { 0xf4, 0xf4, 3, 0x80, 0x8f },
};

static bool begin(struct utf8_check *check, uint8_t byte)
{
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        if (byte < leads[i].first || byte > leads[i].last)
            continue;
        *check = (struct utf8_check){ leads[i].missing, leads[i].low, leads[i].high };
        return true;
    }
    return false;
}

bool utf8_check_add(struct utf8_check *check, struct bytes piece)
{
    for (size_t i = 0; i < piece.size; i++) {
        uint8_t byte = piece.data[i];
        if (check->missing == 0) {
            if (!begin(check, byte))
                return false;
            continue;
        }
        if (byte < check->low || byte > check->high)
            return false;
        *check = (struct utf8_check){ (uint8_t)(check->missing - 1), 0x80, 0xbf };
    }
    return true;
}

bool utf8_check_is_complete(const struct utf8_check *check)
{
    return check->missing == 0;
}
