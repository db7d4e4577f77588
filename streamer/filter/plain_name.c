#include "streamer/filter/plain_name.h"

static struct bytes skip(struct bytes text, size_t size)
{
    return bytes_of(text.data + size, text.size - size);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct bytes trim_blanks(struct bytes text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = skip(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

static struct bytes cut_at(struct bytes text, uint8_t byte)
{
    const uint8_t *found = text.size ? memchr(text.data, byte, text.size) : NULL;
    return bytes_of(text.data, found ? (size_t)(found - text.data) : text.size);
}

static bool is_letter(uint8_t byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

static struct bytes drop_scheme(struct bytes text)
{
    size_t size = 0;
    while (size < text.size && is_letter(text.data[size]))
        size++;
    bool has_scheme = text.size - size >= 3 && memcmp(text.data + size, "://", 3) == 0;
    return has_scheme ? skip(text, size + 3) : text;
}

static struct bytes drop_port(struct bytes text)
{
    size_t size = text.size;
    while (size > 0 && text.data[size - 1] >= '0' && text.data[size - 1] <= '9')
        size--;
    bool has_port = size > 0 && text.data[size - 1] == ':';
    return bytes_of(text.data, has_port ? size - 1 : text.size);
}

struct bytes plain_name_of(struct bytes name)
{
    name = drop_scheme(trim_blanks(cut_at(name, '\0')));
    name = cut_at(cut_at(cut_at(name, '/'), '?'), '#');
    name = trim_blanks(drop_port(trim_blanks(name)));
    while (name.size > 0 && name.data[name.size - 1] == '.')
        name.size--;
    return name;
}
