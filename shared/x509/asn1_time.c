#include "shared/x509/asn1_time.h"

#include "shared/x509/der.h"

struct parts {
    int64_t year;
    int64_t month;
    int64_t day;
    int64_t hour;
    int64_t minute;
    int64_t second;
};

static bool is_digit(uint8_t character)
{
    return character >= '0' && character <= '9';
}

static bool is_digit_next(const struct reader *reader)
{
    return reader->remaining && is_digit(reader->next[0]);
}

/* Two digits that make a number from `low` to `high`; anything else fails the reader. */
static int64_t two_digits(struct reader *reader, int64_t low, int64_t high)
{
    struct bytes digits = reader_take(reader, 2);
    if (digits.size == 2 && is_digit(digits.data[0]) && is_digit(digits.data[1])) {
        int64_t value = (digits.data[0] - '0') * 10 + (digits.data[1] - '0');
        if (value >= low && value <= high)
            return value;
    }
    reader_fail(reader);
    return 0;
}

static int64_t read_year(struct reader *reader, uint8_t tag)
{
    int64_t first = two_digits(reader, 0, 99);
    if (tag == DER_GENERALIZED_TIME)
        return first * 100 + two_digits(reader, 0, 99);
    return first < 50 ? 2000 + first : 1900 + first;
}

static void skip_fraction(struct reader *reader)
{
    (void)reader_take(reader, 1);
    if (!is_digit_next(reader))
        reader_fail(reader);
    while (is_digit_next(reader))
        (void)reader_take(reader, 1);
}

/* Seconds that the zone is ahead of UTC. */
static int64_t read_zone(struct reader *reader)
{
    uint64_t sign = reader_integer(reader, 1);
    if (sign == 'Z')
        return 0;
    if (sign != '+' && sign != '-') {
        reader_fail(reader);
        return 0;
    }
    int64_t hours = two_digits(reader, 0, 12);
    int64_t offset = hours * 3600 + two_digits(reader, 0, 59) * 60;
    return sign == '+' ? offset : -offset;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap
 * day is a year's last, and in cycles of 400 years, which have 146097 days each. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = year - (month <= 2) + 400;
    int64_t cycle = shifted / 400;
    int64_t year_of_cycle = shifted % 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_cycle =
        year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    return (cycle - 1) * 146097 + day_of_cycle - 719468;
}

static struct parts read_parts(struct reader *reader, uint8_t tag)
{
    struct parts parts = { .year = read_year(reader, tag) };
    parts.month = two_digits(reader, 1, 12);
    parts.day = two_digits(reader, 1, 31);
    parts.hour = two_digits(reader, 0, 23);
    parts.minute = two_digits(reader, 0, 59);
    if (is_digit_next(reader))
        parts.second = two_digits(reader, 0, 59);
    if (tag == DER_GENERALIZED_TIME && der_is_next(reader, '.'))
        skip_fraction(reader);
    return parts;
}

bool asn1_time_read(int64_t *seconds, uint8_t tag, struct bytes text)
{
    if (tag != DER_UTC_TIME && tag != DER_GENERALIZED_TIME)
        return false;
    struct reader reader = reader_of(text);
    struct parts parts = read_parts(&reader, tag);
    int64_t offset = read_zone(&reader);
    if (!reader_finished(&reader) || parts.day > days_in_month(parts.year, parts.month))
        return false;
    int64_t days = days_since_1970(parts.year, parts.month, parts.day);
    *seconds = days * 86400 + parts.hour * 3600 + parts.minute * 60 + parts.second - offset;
    return true;
}
