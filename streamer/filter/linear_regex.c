/*
 * Compiling: the expression becomes a program in one pass, whose jumps are relative, so that a
 * piece of it can be moved (to put a choice in front) and copied (to repeat it). Then, for each
 * place where a byte is read, the places that can follow are found by walking the program's
 * choices: the program itself is not needed any more.
 */
#include "streamer/filter/linear_regex.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/buffer.h"
#include "shared/base/memory.h"
#include "shared/base/utf8.h"

enum {
    /* Reads, choices, jumps and anchors: an expression of so many repeated alternatives is no
     * filter any more. */
    PROGRAM_MAX = 2048,
    GROUPS_MAX = 32,
    REPEAT_MAX = REGEX_POSITIONS_MAX,
    REPEAT_ENDLESS = REPEAT_MAX + 1,
    BYTES = 256,
    WORD_BITS = 64,
    PLAIN_MAX = 64 * 1024,
    WORDS_MAX = REGEX_POSITIONS_MAX / WORD_BITS,
};

enum operation {
    OPERATION_READ,   /* a byte of a class */
    OPERATION_CHOOSE, /* go on, or at `jump` */
    OPERATION_JUMP,
    OPERATION_START, /* only at the text's start */
    OPERATION_END,
};

struct byte_class {
    uint64_t words[BYTES / WORD_BITS];
};

struct instruction {
    enum operation operation;
    int jump; /* relative */
    struct byte_class bytes;
};

/* An open group; the whole expression is the outermost. */
struct group {
    size_t start;  /* of its current alternative */
    size_t jumps;  /* how many jumps wait for the group's end */
    size_t before; /* where the group starts */
};

struct compiler {
    struct bytes rest;
    const char *reason;
    struct instruction *program;
    size_t size;
    size_t atom; /* where the last atom starts: what a repetition repeats */
    bool has_atom;
    struct group groups[GROUPS_MAX];
    size_t depth;
    /* Jumps to the ends of open groups, innermost last. */
    size_t waiting[PROGRAM_MAX];
    size_t waiting_count;
    struct buffer plain; /* the expression as linear_regex_plain has it */
};

struct linear_regex {
    char *plain;
    size_t words;                       /* of a set of positions */
    uint64_t first[WORDS_MAX];          /* where a match may begin, not at the text's start */
    uint64_t first_at_start[WORDS_MAX]; /* and there */
    uint64_t accepting[WORDS_MAX];      /* positions behind which the match is complete */
    uint64_t accepting_at_end[WORDS_MAX];
    bool matches_always; /* no byte needs to be read */
    bool matches_empty_text;
    uint64_t *follow; /* of each position, `words` each: those that can come next */
    uint64_t *reads;  /* of each byte, `words` each: the positions that read it */
};

static void fail_pattern(struct compiler *compiler, const char *reason)
{
    if (!compiler->reason)
        compiler->reason = reason;
}

static bool has_next(const struct compiler *compiler)
{
    return compiler->rest.size > 0 && !compiler->reason;
}

static bool next_is(const struct compiler *compiler, uint8_t byte)
{
    return has_next(compiler) && compiler->rest.data[0] == byte;
}

static uint8_t take_character(struct compiler *compiler)
{
    uint8_t byte = compiler->rest.data[0];
    compiler->rest = bytes_of(compiler->rest.data + 1, compiler->rest.size - 1);
    return byte;
}

static bool take_if(struct compiler *compiler, uint8_t byte)
{
    if (!next_is(compiler, byte))
        return false;
    (void)take_character(compiler);
    return true;
}

static void class_add(struct byte_class *class, unsigned first, unsigned last)
{
    for (unsigned byte = first; byte <= last; byte++)
        class->words[byte / WORD_BITS] |= UINT64_C(1) << byte % WORD_BITS;
}

static bool class_has(const struct byte_class *class, unsigned byte)
{
    return class->words[byte / WORD_BITS] >> byte % WORD_BITS & 1;
}

static void class_invert(struct byte_class *class)
{
    for (size_t i = 0; i < BYTES / WORD_BITS; i++)
        class->words[i] = ~class->words[i];
}

static void class_unite(struct byte_class *class, const struct byte_class *other)
{
    for (size_t i = 0; i < BYTES / WORD_BITS; i++)
        class->words[i] |= other->words[i];
}

static unsigned lower_character(unsigned byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* The text has no capitals: theirs become the small letters. */
static void class_fold(struct byte_class *class)
{
    for (unsigned byte = 'A'; byte <= 'Z'; byte++)
        if (class_has(class, byte))
            class_add(class, lower_character(byte), lower_character(byte));
}

static bool is_digit(unsigned byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter_or_digit(unsigned byte)
{
    return is_digit(byte) || (lower_character(byte) >= 'a' && lower_character(byte) <= 'z');
}

static struct instruction *insert(struct compiler *compiler, size_t at, enum operation operation)
{
    if (compiler->size == PROGRAM_MAX)
        fail_pattern(compiler, "is too large");
    if (compiler->reason)
        return NULL;
    struct instruction *program = compiler->program;
    memmove(program + at + 1, program + at, (compiler->size - at) * sizeof *program);
    compiler->size++;
    program[at] = (struct instruction){ .operation = operation };
    return &program[at];
}

static struct instruction *append_instruction(struct compiler *compiler, enum operation operation)
{
    return insert(compiler, compiler->size, operation);
}

static void begin_atom(struct compiler *compiler)
{
    compiler->atom = compiler->size;
    compiler->has_atom = true;
}

static void append_read(struct compiler *compiler, struct byte_class class)
{
    struct instruction *read = append_instruction(compiler, OPERATION_READ);
    if (read)
        read->bytes = class;
}

static void write_byte(struct buffer *plain, unsigned byte)
{
    static const char digits[] = "0123456789abcdef";
    const char code[] = { '\\', 'x', digits[byte >> 4], digits[byte & 15] };
    buffer_append(plain, code, sizeof code);
}

static unsigned run_end(const struct byte_class *class, unsigned first)
{
    unsigned last = first;
    while (last + 1 < BYTES && class_has(class, last + 1))
        last++;
    return last;
}

static void write_class(struct buffer *plain, const struct byte_class *class)
{
    buffer_append_byte(plain, '[');
    for (unsigned byte = 0; byte < BYTES; byte++) {
        if (!class_has(class, byte))
            continue;
        unsigned last = run_end(class, byte);
        write_byte(plain, byte);
        buffer_append_byte(plain, '-');
        write_byte(plain, last);
        byte = last;
    }
    buffer_append_byte(plain, ']');
}

static void append_class(struct compiler *compiler, struct byte_class class)
{
    begin_atom(compiler);
    append_read(compiler, class);
    write_class(&compiler->plain, &class);
}

/* A character, which may be of several bytes. */
static void append_character(struct compiler *compiler)
{
    size_t size = utf8_sequence_size(compiler->rest);
    if (!size)
        fail_pattern(compiler, "is not UTF-8");
    begin_atom(compiler);
    buffer_append_string(&compiler->plain, "(?:");
    for (size_t i = 0; i < size; i++) {
        struct byte_class class = { 0 };
        unsigned byte = lower_character(take_character(compiler));
        class_add(&class, byte, byte);
        append_read(compiler, class);
        write_byte(&compiler->plain, byte);
    }
    buffer_append_byte(&compiler->plain, ')');
}

/* \d, \w or \s and their opposites; false if `letter` is none of them. */
static bool find_named_class(uint8_t letter, struct byte_class *class)
{
    *class = (struct byte_class){ 0 };
    switch (lower_character(letter)) {
    case 'w':
        class_add(class, 'a', 'z');
        class_add(class, 'A', 'Z');
        class_add(class, '_', '_');
        class_add(class, '0', '9');
        break;
    case 'd': class_add(class, '0', '9'); break;
    case 's':
        class_add(class, '\t', '\r');
        class_add(class, ' ', ' ');
        break;
    default: return false;
    }
    if (letter != lower_character(letter))
        class_invert(class);
    return true;
}

static void refuse_escape(struct compiler *compiler, uint8_t letter)
{
    if (letter >= '1' && letter <= '9')
        fail_pattern(compiler, "has a back reference, which cannot be matched in linear time");
    else if (lower_character(letter) == 'b')
        fail_pattern(compiler, "has a word boundary, which is not known here");
    else if (lower_character(letter) == 'p' || lower_character(letter) == 'x' ||
             lower_character(letter) == 'u')
        fail_pattern(compiler, "has a character by its number or property; write it as it is");
    else if (lower_character(letter) == 'a' || lower_character(letter) == 'z')
        fail_pattern(compiler, "has an anchor that is not known here; use ^ and $");
    else if (is_letter_or_digit(letter))
        fail_pattern(compiler, "has an escape that is not known here");
}

/* What stands behind a backslash, as a class. */
static struct byte_class take_escape(struct compiler *compiler)
{
    struct byte_class class = { 0 };
    if (!has_next(compiler)) {
        fail_pattern(compiler, "ends in a backslash");
        return class;
    }
    uint8_t letter = take_character(compiler);
    if (find_named_class(letter, &class))
        return class;
    refuse_escape(compiler, letter);
    class_add(&class, letter, letter);
    return class;
}

/* The end of a range that starts with `first`. */
static void take_range(struct compiler *compiler, struct byte_class *class, uint8_t first)
{
    (void)take_character(compiler);
    if (!has_next(compiler))
        return;
    uint8_t last = take_character(compiler);
    if (last == '\\' && has_next(compiler))
        last = take_character(compiler);
    if (last < first)
        fail_pattern(compiler, "has a range that ends before it begins");
    else
        class_add(class, first, last);
}

static bool is_range(const struct compiler *compiler)
{
    return compiler->rest.size >= 2 && compiler->rest.data[0] == '-' &&
           compiler->rest.data[1] != ']';
}

static void take_class_item(struct compiler *compiler, struct byte_class *class)
{
    uint8_t byte = take_character(compiler);
    if (byte >= 0x80)
        fail_pattern(compiler, "has a class with a character that is not ASCII");
    if (byte == '[' && next_is(compiler, ':'))
        fail_pattern(compiler, "has a named class; use a range, as [a-z]");
    if (byte == '\\' && has_next(compiler) && is_letter_or_digit(compiler->rest.data[0])) {
        struct byte_class named = take_escape(compiler);
        class_unite(class, &named);
        return;
    }
    if (byte == '\\' && has_next(compiler))
        byte = take_character(compiler);
    if (is_range(compiler))
        take_range(compiler, class, byte);
    else
        class_add(class, byte, byte);
}

static void take_class(struct compiler *compiler)
{
    struct byte_class class = { 0 };
    bool inverted = take_if(compiler, '^');
    for (bool first = true; has_next(compiler) && (first || !next_is(compiler, ']')); first = false)
        take_class_item(compiler, &class);
    if (!take_if(compiler, ']'))
        fail_pattern(compiler, "has a [ without its ]");
    class_fold(&class);
    if (inverted)
        class_invert(&class);
    append_class(compiler, class);
}

/* Behind its question mark. */
static void refuse_group(struct compiler *compiler)
{
    struct bytes rest = compiler->rest;
    uint8_t first = rest.size > 0 ? rest.data[0] : 0;
    uint8_t second = rest.size > 1 ? rest.data[1] : 0;
    if (first == '=' || first == '!' || (first == '<' && (second == '=' || second == '!')))
        fail_pattern(compiler, "looks around, (?= (?! (?<= or (?<!, which is not known here");
    else if (first == '<' || first == 'P')
        fail_pattern(compiler, "has a named group; use ( )");
    else if (is_letter_or_digit(first) || first == '-')
        fail_pattern(compiler, "has flags; case does not matter here, and there are no others");
    else
        fail_pattern(compiler, "has a (? other than (?:");
}

static void open_group(struct compiler *compiler)
{
    if (take_if(compiler, '?') && !take_if(compiler, ':'))
        refuse_group(compiler);
    if (compiler->depth == GROUPS_MAX)
        fail_pattern(compiler, "has too many groups inside of each other");
    if (compiler->reason)
        return;
    compiler->groups[compiler->depth++] =
        (struct group){ .start = compiler->size, .before = compiler->size };
    buffer_append_string(&compiler->plain, "(?:");
    compiler->has_atom = false;
}

static struct group *innermost(struct compiler *compiler)
{
    return &compiler->groups[compiler->depth - 1];
}

/* All alternatives but the last end in a jump to the group's end, which is now. */
static void land_jumps(struct compiler *compiler, const struct group *group)
{
    for (size_t i = 0; i < group->jumps; i++) {
        size_t at = compiler->waiting[--compiler->waiting_count];
        compiler->program[at].jump = (int)(compiler->size - at);
    }
}

static void close_group(struct compiler *compiler)
{
    if (compiler->depth == 1) {
        fail_pattern(compiler, "has a ) without its (");
        return;
    }
    land_jumps(compiler, innermost(compiler));
    buffer_append_byte(&compiler->plain, ')');
    compiler->atom = innermost(compiler)->before;
    compiler->has_atom = true;
    compiler->depth--;
}

static void begin_alternative(struct compiler *compiler)
{
    struct group *group = innermost(compiler);
    struct instruction *choice = insert(compiler, group->start, OPERATION_CHOOSE);
    if (!append_instruction(compiler, OPERATION_JUMP))
        return;
    choice->jump = (int)(compiler->size - group->start);
    compiler->waiting[compiler->waiting_count++] = compiler->size - 1;
    group->jumps++;
    group->start = compiler->size;
    compiler->has_atom = false;
    buffer_append_byte(&compiler->plain, '|');
}

static void append_copy(struct compiler *compiler, size_t from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        struct instruction *copy = append_instruction(compiler, OPERATION_READ);
        if (!copy)
            return;
        *copy = compiler->program[from + i];
    }
}

/* The `size` instructions from `from` on may be left out. */
static void make_optional(struct compiler *compiler, size_t from, size_t size)
{
    struct instruction *choice = insert(compiler, from, OPERATION_CHOOSE);
    if (choice)
        choice->jump = (int)size + 1;
}

/* What stands from `from` on may come again. */
static void make_repeated(struct compiler *compiler, size_t from)
{
    int size = (int)(compiler->size - from);
    struct instruction *choice = append_instruction(compiler, OPERATION_CHOOSE);
    if (choice)
        choice->jump = -size;
}

static void write_counts(struct buffer *plain, size_t least, size_t most)
{
    buffer_append_byte(plain, '{');
    buffer_append_unsigned(plain, least);
    buffer_append_byte(plain, ',');
    if (most != REPEAT_ENDLESS)
        buffer_append_unsigned(plain, most);
    buffer_append_byte(plain, '}');
}

/* The last atom, which is there once, `least` to `most` times; REPEAT_ENDLESS: without an end. */
static void repeat_atom(struct compiler *compiler, size_t least, size_t most)
{
    write_counts(&compiler->plain, least, most);
    size_t atom = compiler->atom;
    size_t size = compiler->size - atom;
    size_t last = atom;
    bool endless = most == REPEAT_ENDLESS;
    size_t copies = endless ? least : most;
    for (size_t i = 1; i < copies && !compiler->reason; i++) {
        last = compiler->size;
        append_copy(compiler, atom, size);
        if (i >= least)
            make_optional(compiler, last, size);
    }
    if (endless)
        make_repeated(compiler, last);
    if (most == 0)
        compiler->size = atom;
    else if (least == 0)
        make_optional(compiler, atom, size + endless);
}

static size_t take_number(struct compiler *compiler)
{
    size_t value = 0;
    if (!has_next(compiler) || !is_digit(compiler->rest.data[0]))
        fail_pattern(compiler, "has a { that begins no repetition");
    while (has_next(compiler) && is_digit(compiler->rest.data[0])) {
        value = value * 10 + (take_character(compiler) - (unsigned)'0');
        if (value > REPEAT_MAX)
            fail_pattern(compiler, "repeats too often");
    }
    return value;
}

/* Reads the counts behind the brace. */
static void take_counts(struct compiler *compiler)
{
    size_t least = take_number(compiler);
    size_t most = least;
    if (take_if(compiler, ','))
        most = next_is(compiler, '}') ? REPEAT_ENDLESS : take_number(compiler);
    if (!take_if(compiler, '}'))
        fail_pattern(compiler, "has a { that begins no repetition");
    else if (most < least)
        fail_pattern(compiler, "has a repetition whose most is below its least");
    else
        repeat_atom(compiler, least, most);
}

static void take_repetition(struct compiler *compiler, uint8_t sign)
{
    if (!compiler->has_atom) {
        fail_pattern(compiler, "repeats nothing, or what is repeated already");
        return;
    }
    switch (sign) {
    case '*': repeat_atom(compiler, 0, REPEAT_ENDLESS); break;
    case '+': repeat_atom(compiler, 1, REPEAT_ENDLESS); break;
    case '?': repeat_atom(compiler, 0, 1); break;
    default: take_counts(compiler); break;
    }
    (void)take_if(compiler, '?');
    compiler->has_atom = false;
}

static void append_anchor(struct compiler *compiler, enum operation anchor)
{
    (void)append_instruction(compiler, anchor);
    compiler->has_atom = false;
    buffer_append_string(&compiler->plain, anchor == OPERATION_START ? "^" : "\\z");
}

static void append_any(struct compiler *compiler)
{
    struct byte_class any = { 0 };
    class_invert(&any);
    append_class(compiler, any);
}

static void take_escaped_atom(struct compiler *compiler)
{
    struct byte_class class = take_escape(compiler);
    append_class(compiler, class);
}

static void take_item(struct compiler *compiler)
{
    uint8_t byte = compiler->rest.data[0];
    if (!strchr("()|*+?{^$.[\\", byte) || !byte) {
        append_character(compiler);
        return;
    }
    (void)take_character(compiler);
    switch (byte) {
    case '(': open_group(compiler); break;
    case ')': close_group(compiler); break;
    case '|': begin_alternative(compiler); break;
    case '^': append_anchor(compiler, OPERATION_START); break;
    case '$': append_anchor(compiler, OPERATION_END); break;
    case '.': append_any(compiler); break;
    case '[': take_class(compiler); break;
    case '\\': take_escaped_atom(compiler); break;
    default: take_repetition(compiler, byte); break;
    }
}

static void compile(struct compiler *compiler)
{
    compiler->depth = 1;
    while (has_next(compiler))
        take_item(compiler);
    if (compiler->depth > 1)
        fail_pattern(compiler, "has a ( without its )");
    else
        land_jumps(compiler, innermost(compiler));
}

/* A walk over all that can be reached without reading a byte. */
struct walk {
    const struct compiler *compiler;
    const size_t *positions; /* of each reading instruction */
    bool at_start;
    uint64_t reached[WORDS_MAX];
    bool accepts, accepts_at_end;
    /* Where to go on: the instruction, twice, plus one behind an end anchor. */
    size_t stack[2 * PROGRAM_MAX + 2];
    size_t depth;
    bool seen[2 * PROGRAM_MAX + 2];
};

static void walk_to(struct walk *walk, size_t at, bool behind_end)
{
    size_t place = 2 * at + behind_end;
    if (walk->seen[place])
        return;
    walk->seen[place] = true;
    walk->stack[walk->depth++] = place;
}

static void walk_over(struct walk *walk, size_t at, bool behind_end)
{
    const struct instruction *instruction = &walk->compiler->program[at];
    size_t target = at + (size_t)(ptrdiff_t)instruction->jump;
    size_t position = walk->positions[at];
    switch (instruction->operation) {
    case OPERATION_READ:
        if (!behind_end)
            walk->reached[position / WORD_BITS] |= UINT64_C(1) << position % WORD_BITS;
        break;
    case OPERATION_CHOOSE:
        walk_to(walk, at + 1, behind_end);
        walk_to(walk, target, behind_end);
        break;
    case OPERATION_JUMP: walk_to(walk, target, behind_end); break;
    case OPERATION_START:
        if (walk->at_start)
            walk_to(walk, at + 1, behind_end);
        break;
    case OPERATION_END: walk_to(walk, at + 1, true); break;
    }
}

static void walk_from(struct walk *walk, size_t at, bool at_start)
{
    walk->at_start = at_start;
    walk->accepts = walk->accepts_at_end = false;
    walk->depth = 0;
    memset(walk->reached, 0, sizeof walk->reached);
    memset(walk->seen, 0, 2 * walk->compiler->size + 2);
    walk_to(walk, at, false);
    while (walk->depth > 0) {
        size_t place = walk->stack[--walk->depth];
        bool behind_end = place % 2;
        if (place / 2 < walk->compiler->size)
            walk_over(walk, place / 2, behind_end);
        else if (behind_end)
            walk->accepts_at_end = true;
        else
            walk->accepts = true;
    }
}

static void set_bit(uint64_t *set, size_t position, bool value)
{
    set[position / WORD_BITS] |= (uint64_t)value << position % WORD_BITS;
}

static void link_starts(struct linear_regex *regex, struct walk *walk)
{
    walk_from(walk, 0, false);
    memcpy(regex->first, walk->reached, sizeof regex->first);
    /* Every text has an end, so an empty match there is one too. */
    regex->matches_always = walk->accepts || walk->accepts_at_end;
    walk_from(walk, 0, true);
    memcpy(regex->first_at_start, walk->reached, sizeof regex->first_at_start);
    regex->matches_always |= walk->accepts;
    regex->matches_empty_text = walk->accepts_at_end;
}

static void link_position(struct linear_regex *regex, struct walk *walk, size_t at)
{
    size_t position = walk->positions[at];
    for (unsigned byte = 0; byte < BYTES; byte++)
        set_bit(regex->reads + byte * regex->words, position,
                class_has(&walk->compiler->program[at].bytes, byte));
    walk_from(walk, at + 1, false);
    memcpy(regex->follow + position * regex->words, walk->reached,
           regex->words * sizeof *regex->follow);
    set_bit(regex->accepting, position, walk->accepts);
    set_bit(regex->accepting_at_end, position, walk->accepts || walk->accepts_at_end);
}

/* Numbers the instructions that read; answers how many there are. */
static size_t number_positions(const struct compiler *compiler, size_t *positions)
{
    size_t count = 0;
    for (size_t i = 0; i < compiler->size; i++) {
        positions[i] = count;
        count += compiler->program[i].operation == OPERATION_READ;
    }
    return count;
}

static struct linear_regex *link_program(struct compiler *compiler)
{
    size_t positions[PROGRAM_MAX];
    size_t count = number_positions(compiler, positions);
    if (count > REGEX_POSITIONS_MAX) {
        fail_pattern(compiler, "is too large");
        return NULL;
    }
    struct linear_regex *regex = memory_allocate_zeroed(1, sizeof *regex);
    regex->words = count / WORD_BITS + 1 - (count > 0 && count % WORD_BITS == 0);
    regex->reads = memory_allocate_zeroed(BYTES * regex->words, sizeof *regex->reads);
    regex->follow = memory_allocate_zeroed(regex->words * count + 1, sizeof *regex->follow);
    struct walk *walk = memory_allocate_zeroed(1, sizeof *walk);
    walk->compiler = compiler;
    walk->positions = positions;
    link_starts(regex, walk);
    for (size_t i = 0; i < compiler->size; i++)
        if (compiler->program[i].operation == OPERATION_READ)
            link_position(regex, walk, i);
    free(walk);
    return regex;
}

static void keep_plain(struct linear_regex *regex, struct buffer *plain)
{
    buffer_append_byte(plain, '\0');
    if (plain->failed)
        return;
    regex->plain = memory_allocate(plain->size);
    memcpy(regex->plain, plain->data, plain->size);
}

const char *linear_regex_plain(const struct linear_regex *regex)
{
    return regex->plain;
}

struct linear_regex *linear_regex_create(struct bytes expression, const char **reason)
{
    struct compiler *compiler = memory_allocate_zeroed(1, sizeof *compiler);
    compiler->program = memory_allocate_zeroed(PROGRAM_MAX, sizeof *compiler->program);
    compiler->rest = expression;
    buffer_init(&compiler->plain, PLAIN_MAX);
    compile(compiler);
    struct linear_regex *regex = compiler->reason ? NULL : link_program(compiler);
    *reason = compiler->reason;
    if (regex)
        keep_plain(regex, &compiler->plain);
    buffer_free(&compiler->plain);
    free(compiler->program);
    free(compiler);
    return regex;
}

void linear_regex_destroy(struct linear_regex *regex)
{
    if (!regex)
        return;
    free(regex->plain);
    free(regex->reads);
    free(regex->follow);
    free(regex);
}

/* Adds what can follow the active positions. */
static void add_followers(const struct linear_regex *regex, const uint64_t *active, uint64_t *next)
{
    for (size_t word = 0; word < regex->words; word++) {
        for (uint64_t bits = active[word]; bits; bits &= bits - 1) {
            size_t position = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
            const uint64_t *follow = regex->follow + position * regex->words;
            for (size_t i = 0; i < regex->words; i++)
                next[i] |= follow[i];
        }
    }
}

static bool have_common(const uint64_t *a, const uint64_t *b, size_t words)
{
    for (size_t i = 0; i < words; i++)
        if (a[i] & b[i])
            return true;
    return false;
}

static size_t count_bits(const uint64_t *set, size_t words)
{
    size_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(set[i]);
    return count;
}

/* Goes over a byte: what is active behind it. `is_start`: of the text's first byte. */
static void step_over(const struct linear_regex *regex, uint64_t *active, uint8_t byte,
                      bool is_start)
{
    uint64_t next[WORDS_MAX];
    const uint64_t *reads = regex->reads + byte * regex->words;
    memcpy(next, is_start ? regex->first_at_start : regex->first, regex->words * sizeof *next);
    add_followers(regex, active, next);
    for (size_t i = 0; i < regex->words; i++)
        active[i] = next[i] & reads[i];
}

/* As linear_regex_matches goes over a text that does not match. */
static size_t count_steps(const struct linear_regex *regex, struct bytes text)
{
    uint64_t active[WORDS_MAX] = { 0 };
    size_t steps = 0;
    for (size_t at = 0; at < text.size; at++) {
        step_over(regex, active, text.data[at], at == 0);
        size_t count = count_bits(active, regex->words);
        steps += regex->words * (1 + count);
        if (count == 0 && regex->words == 1 && !regex->first[0])
            break;
    }
    return steps;
}

size_t linear_regex_steps(const struct linear_regex *regex)
{
    static const char *const names[] = {
        "www.example.com",
        "mail.smaller-company.co.uk",
        "*.api-gateway.eu-west-1.cloud.example.net",
        "7f3a9c1e5b2d4680.device.iot.example.org",
        "autodiscover.xn--bcher-kva.example",
        "login-secure-account-update-0123456789.customer-service.example.io",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaa",
    };
    enum {
        COUNT = sizeof names / sizeof *names
    };
    size_t steps = 0;
    for (size_t i = 0; i < COUNT && !regex->matches_always; i++)
        steps += count_steps(regex, bytes_of_string(names[i]));
    return steps / COUNT;
}

/* The same as below for those of up to 64 positions, which are nearly all. */
static bool matches_in_a_word(const struct linear_regex *regex, struct bytes text)
{
    uint64_t active = 0;
    uint64_t first = regex->first_at_start[0];
    for (size_t at = 0; at < text.size; at++, first = regex->first[0]) {
        uint64_t next = first;
        for (uint64_t bits = active; bits; bits &= bits - 1)
            next |= regex->follow[__builtin_ctzll(bits)];
        active = next & regex->reads[text.data[at]];
        if (active & regex->accepting[0])
            return true;
        if (!active && !regex->first[0])
            return false;
    }
    return active & regex->accepting_at_end[0];
}

bool linear_regex_matches(const struct linear_regex *regex, struct bytes text)
{
    if (regex->matches_always || (text.size == 0 && regex->matches_empty_text))
        return true;
    if (regex->words == 1)
        return matches_in_a_word(regex, text);
    uint64_t active[WORDS_MAX] = { 0 };
    for (size_t at = 0; at < text.size; at++) {
        step_over(regex, active, text.data[at], at == 0);
        if (have_common(active, regex->accepting, regex->words))
            return true;
    }
    return have_common(active, regex->accepting_at_end, regex->words);
}
