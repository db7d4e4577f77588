#include "streamer/filter/filter_index.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/filter/filter.h"
#include "streamer/filter/filter_subject.h"
#include "streamer/filter/name_term.h"
#include "streamer/filter/pattern_compiler.h"
#include "streamer/filter/pattern_set.h"
#include "streamer/filter/repeated_text.h"

enum {
    /* Some 0.15 ms per name. A thousand ordinary filters that come at once cost 50,000. */
    ALONE_COST_MAX = 150000,
    /* The compiler rests three times as long as it worked, so that filters that come and go all the
     * time take it a quarter of a core at most. */
    REST_FACTOR = 3,
    /* A set with so many patterns of filters that are gone, and mostly such, is made anew. */
    GONE_MIN = 64,
    NUMBER_UNKNOWN = REPEATED_TEXTS_MAX,
    /* After so many times in vain it is looked at how many entries that took. More than one in so
     * many is often. */
    VAIN_LOOK = 16,
    VAIN_OFTEN = 64,
    /* Vain times are counted per so many entries. */
    VAIN_ENTRIES = 1 << 16,
    /* What was once so is less true each time that another way is looked at. */
    VAIN_FADES = 8,
};

enum member_state {
    MEMBER_ALONE,
    MEMBER_TOGETHER, /* its patterns are in the set, or it has none */
    MEMBER_ALWAYS,   /* no way leads to it: asked for every entry */
    MEMBER_STATES,
};

/* What a filter may ask for, and may be come to by. */
enum way {
    WAY_DOMAIN,
    WAY_MATCH,
    WAY_REGEX,
    WAY_LOG, /* and its operator */
    WAY_ISSUER,
    WAYS,
    NAME_WAYS = WAY_LOG,
    SOURCES = WAYS - NAME_WAYS,
};

struct filter_member {
    const struct filter *filter;
    void *owner;
    enum member_state state;
    size_t place; /* among those of its state */
    bool is_awaited;
    bool is_tried;
    bool is_unfit; /* for a set */
    uint64_t tried_us;
    struct term_follower *terms;      /* domains, matches, regexes */
    size_t first_term[NAME_WAYS + 1]; /* of each of these ways, and the end */
    bool asks[WAYS];
    struct text_verdicts verdicts[SOURCES]; /* what was found out about logs and issuers */
    enum way way;
    size_t source_place; /* among those that are come to by a source */
    uint64_t asked_in;   /* the number of the last entry that it was asked about */
    uint64_t way_since;  /* likewise, where counting began */
    unsigned vain;
    unsigned vain_rate[WAYS]; /* what came of earlier ways */
};

struct member_list {
    struct filter_member **items;
    size_t count, capacity;
};

/* What filters ask of where an entry is from, its log or its issuer: texts that come again and
 * again, and of each the members that want it. */
struct source {
    struct repeated_texts *texts;
    uint64_t generation;        /* of the texts, for which the lists hold */
    size_t number;              /* of the entry's; NUMBER_UNKNOWN: not looked up yet */
    struct member_list members; /* whose way it is */
    struct member_list wanting[REPEATED_TEXTS_MAX];
    bool is_listed[REPEATED_TEXTS_MAX];
};

struct term_list {
    struct name_term **items;
    size_t count, capacity;
};

struct filter_index {
    struct member_list members[MEMBER_STATES];
    struct name_terms terms;
    struct source sources[SOURCES];
    struct pattern_set *set;      /* NULL: none */
    struct name_term **set_terms; /* whose the set's patterns are; NULL: gone */
    size_t set_count, gone_count;
    struct pattern_scratch *scratch;
    struct pattern_compiler *compiler; /* NULL: there are no sets here */
    struct filter_member **in_job;     /* of each group of the job; NULL: gone */
    size_t in_job_count;
    uint64_t jobs; /* counts them */
    uint64_t rest_until_ms;
    uint64_t entry;            /* counts them */
    struct term_list found;    /* in this one, of those that have followers */
    struct member_list moving; /* to another way, when it is done */
    void **passed;
    size_t passed_count, passed_capacity;
    struct filter_index_stats stats;
};

struct filter_index *filter_index_create(void)
{
    struct filter_index *index = memory_allocate_zeroed(1, sizeof *index);
    index->scratch = pattern_scratch_create();
    for (size_t i = 0; i < SOURCES; i++)
        index->sources[i].texts = repeated_texts_create();
    if (pattern_sets_are_possible())
        index->compiler = pattern_compiler_create();
    return index;
}

static void free_source(struct source *source)
{
    for (size_t i = 0; i < REPEATED_TEXTS_MAX; i++)
        free(source->wanting[i].items);
    free(source->members.items);
    repeated_texts_destroy(source->texts);
}

void filter_index_destroy(struct filter_index *index)
{
    if (!index)
        return;
    pattern_compiler_destroy(index->compiler);
    for (size_t i = 0; i < MEMBER_STATES; i++) {
        assert(index->members[i].count == 0);
        free(index->members[i].items);
    }
    for (size_t i = 0; i < SOURCES; i++)
        free_source(&index->sources[i]);
    pattern_set_destroy(index->set);
    pattern_scratch_destroy(index->scratch);
    name_terms_free(&index->terms);
    free(index->set_terms);
    free(index->in_job);
    free(index->found.items);
    free(index->moving.items);
    free(index->passed);
    free(index);
}

static void push_member(struct member_list *list, struct filter_member *member)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->items = memory_resize(list->items, list->capacity, sizeof(struct filter_member *));
    }
    list->items[list->count++] = member;
}

/* Ways */

static struct source *source_of(struct filter_index *index, enum way way)
{
    assert(way >= NAME_WAYS && way < WAYS);
    return &index->sources[way - NAME_WAYS];
}

static void forget_lists(struct source *source)
{
    memset(source->is_listed, 0, sizeof source->is_listed);
}

static void enter_way(struct filter_index *index, struct filter_member *member)
{
    if (member->way < NAME_WAYS) {
        for (size_t i = member->first_term[member->way]; i < member->first_term[member->way + 1];
             i++)
            name_term_follow(&member->terms[i]);
        return;
    }
    struct source *source = source_of(index, member->way);
    member->source_place = source->members.count;
    push_member(&source->members, member);
    forget_lists(source);
}

static void leave_way(struct filter_index *index, struct filter_member *member)
{
    if (member->way < NAME_WAYS) {
        for (size_t i = member->first_term[member->way]; i < member->first_term[member->way + 1];
             i++)
            name_term_leave(&member->terms[i]);
        return;
    }
    struct source *source = source_of(index, member->way);
    struct filter_member *last = source->members.items[--source->members.count];
    source->members.items[member->source_place] = last;
    last->source_place = member->source_place;
    forget_lists(source);
}

static unsigned fade(unsigned rate)
{
    return rate - rate / VAIN_FADES;
}

/* The way that was in vain least often, or was not tried yet; WAYS: it asks for nothing. */
static enum way find_way(const struct filter_member *member)
{
    enum way best = WAYS;
    for (unsigned way = 0; way < WAYS; way++)
        if (member->asks[way] && (best == WAYS || member->vain_rate[way] < member->vain_rate[best]))
            best = (enum way)way;
    return best;
}

/* It was come to, and the entry does not pass. */
static void note_vain(struct filter_index *index, struct filter_member *member)
{
    if (++member->vain < VAIN_LOOK)
        return;
    uint64_t entries = index->entry - member->way_since + 1;
    unsigned rate = (unsigned)((uint64_t)VAIN_LOOK * VAIN_ENTRIES / entries);
    for (size_t way = 0; way < WAYS; way++)
        member->vain_rate[way] = fade(member->vain_rate[way]);
    member->vain_rate[member->way] = rate;
    member->vain = 0;
    member->way_since = index->entry + 1;
    /* Not now: who is on the same way is being gone through. */
    if (rate > VAIN_ENTRIES / VAIN_OFTEN && find_way(member) != member->way)
        push_member(&index->moving, member);
}

static void move_to_better_ways(struct filter_index *index)
{
    for (size_t i = 0; i < index->moving.count; i++) {
        struct filter_member *member = index->moving.items[i];
        leave_way(index, member);
        member->way = find_way(member);
        enter_way(index, member);
    }
    index->moving.count = 0;
}

/* Members */

static void enter_state(struct filter_index *index, struct filter_member *member,
                        enum member_state state)
{
    member->state = state;
    member->place = index->members[state].count;
    push_member(&index->members[state], member);
    if (state == MEMBER_ALONE) {
        index->stats.alone++;
        index->stats.alone_cost += filter_cost(member->filter);
    } else if (state == MEMBER_TOGETHER) {
        member->vain = 0;
        member->way_since = index->entry + 1;
        enter_way(index, member);
    }
}

static void leave_state(struct filter_index *index, struct filter_member *member)
{
    struct member_list *list = &index->members[member->state];
    struct filter_member *last = list->items[--list->count];
    list->items[member->place] = last;
    last->place = member->place;
    if (member->state == MEMBER_ALONE) {
        index->stats.alone--;
        index->stats.alone_cost -= filter_cost(member->filter);
    } else if (member->state == MEMBER_TOGETHER) {
        leave_way(index, member);
    }
}

static void add_term(struct filter_member *member, size_t *count, struct name_term *term)
{
    member->terms[(*count)++] = (struct term_follower){ .owner = member, .term = term };
}

/* A pattern that cannot be spelled is in no set. */
static void add_patterns(struct filter_index *index, struct filter_member *member, size_t *count,
                         enum filter_name_kind kind)
{
    for (size_t i = 0; i < filter_pattern_count(member->filter); i++) {
        if (filter_pattern_kind(member->filter, i) != kind)
            continue;
        char *expression = filter_pattern(member->filter, i);
        if (expression)
            add_term(member, count, name_terms_pattern(&index->terms, expression));
        else
            member->is_unfit = true;
    }
}

static void add_terms(struct filter_index *index, struct filter_member *member)
{
    size_t domain_count;
    size_t count = 0;
    const struct domain_entry *domains = filter_domains(member->filter, &domain_count);
    member->terms = memory_allocate_zeroed(domain_count + filter_pattern_count(member->filter) + 1,
                                           sizeof *member->terms);
    while (count < domain_count)
        add_term(member, &count, name_terms_domain(&index->terms, &domains[count]));
    member->first_term[WAY_MATCH] = count;
    add_patterns(index, member, &count, FILTER_LOOKS_FOR_MATCH);
    member->first_term[WAY_REGEX] = count;
    add_patterns(index, member, &count, FILTER_LOOKS_FOR_REGEX);
    member->first_term[NAME_WAYS] = count;
}

static void note_asked(struct filter_member *member)
{
    unsigned looks_for = filter_name_kinds(member->filter);
    member->asks[WAY_DOMAIN] = looks_for & FILTER_LOOKS_FOR_DOMAIN;
    member->asks[WAY_MATCH] = looks_for & FILTER_LOOKS_FOR_MATCH;
    member->asks[WAY_REGEX] = looks_for & FILTER_LOOKS_FOR_REGEX;
    member->asks[WAY_LOG] = filter_asks_log(member->filter);
    member->asks[WAY_ISSUER] = filter_asks_issuer(member->filter);
}

bool filter_index_has_room(const struct filter_index *index, const struct filter *filter)
{
    return filter_pattern_count(filter) == 0 ||
           index->stats.alone_cost + filter_cost(filter) <= ALONE_COST_MAX;
}

struct filter_member *filter_index_add(struct filter_index *index, const struct filter *filter,
                                       void *owner)
{
    struct filter_member *member = memory_allocate_zeroed(1, sizeof *member);
    member->filter = filter;
    member->owner = owner;
    member->is_awaited = true;
    add_terms(index, member);
    note_asked(member);
    member->way = find_way(member);
    if (filter_pattern_count(filter) > 0)
        enter_state(index, member, MEMBER_ALONE);
    else
        enter_state(index, member, member->way < WAYS ? MEMBER_TOGETHER : MEMBER_ALWAYS);
    index->stats.filters++;
    return member;
}

static void give_up_waiting(struct filter_index *index, const struct filter_member *member)
{
    for (size_t i = 0; i < index->in_job_count; i++)
        if (index->in_job[i] == member)
            pattern_compiler_give_up(index->compiler, i);
}

static void forget_in_job(struct filter_index *index, const struct filter_member *member)
{
    give_up_waiting(index, member);
    for (size_t i = 0; i < index->in_job_count; i++)
        if (index->in_job[i] == member)
            index->in_job[i] = NULL;
}

static void release_term(struct filter_index *index, struct name_term *term)
{
    if (term->references == 1 && term->in_set != TERM_NOT_IN_SET) {
        index->set_terms[term->in_set] = NULL;
        index->gone_count++;
    }
    name_term_release(&index->terms, term);
}

void filter_index_set_awaited(struct filter_index *index, struct filter_member *member,
                              bool is_awaited)
{
    member->is_awaited = is_awaited;
    /* Who is in the set already may come back to it. */
    if (!is_awaited && member->state == MEMBER_ALONE)
        give_up_waiting(index, member);
}

void filter_index_remove(struct filter_index *index, struct filter_member *member)
{
    leave_state(index, member);
    forget_in_job(index, member);
    for (size_t i = 0; i < member->first_term[NAME_WAYS]; i++)
        release_term(index, member->terms[i].term);
    index->stats.filters--;
    free(member->terms);
    free(member);
}

/* An entry */

static void note_found(struct filter_index *index, struct name_term *term)
{
    struct term_list *found = &index->found;
    if (term->entry == index->entry)
        return;
    term->entry = index->entry;
    if (!term->followers)
        return;
    if (found->count == found->capacity) {
        found->capacity = found->capacity ? 2 * found->capacity : 64;
        found->items = memory_resize(found->items, found->capacity, sizeof(struct name_term *));
    }
    found->items[found->count++] = term;
}

static void look_up_domains(struct filter_index *index, struct filter_subject *subject)
{
    const struct domain_table *domains = &index->terms.domains;
    if (domains->count == 0)
        return;
    struct subject_endings endings = filter_subject_endings(subject);
    for (size_t i = 0; i < endings.count; i++) {
        const struct subject_ending *ending = &endings.items[i];
        const struct domain_entry *entry = domain_table_find(domains, ending);
        for (; entry; entry = domain_table_next(entry, ending))
            note_found(index, entry->owner);
    }
}

static void on_pattern(size_t pattern, void *context)
{
    struct filter_index *index = context;
    struct name_term *term = index->set_terms[pattern];
    if (term)
        note_found(index, term);
}

static void search_patterns(struct filter_index *index, struct filter_subject *subject)
{
    if (!index->set)
        return;
    struct bytes rest = filter_subject_domains(subject);
    struct bytes name;
    while (filter_subject_take_name(&rest, &name))
        pattern_set_search(index->set, index->scratch, name, on_pattern, index);
}

static void pass(struct filter_index *index, const struct filter_member *member)
{
    if (index->passed_count == index->passed_capacity) {
        index->passed_capacity = index->passed_capacity ? 2 * index->passed_capacity : 64;
        index->passed = memory_resize(index->passed, index->passed_capacity, sizeof(void *));
    }
    index->passed[index->passed_count++] = member->owner;
}

static size_t number_of_source(struct filter_index *index, enum way way,
                               struct filter_subject *subject)
{
    struct source *source = source_of(index, way);
    if (source->number == NUMBER_UNKNOWN) {
        const struct subject_names *names = filter_subject_names(subject);
        source->number = repeated_texts_number(source->texts,
                                               way == WAY_LOG ? names->log_key : names->issuer_key);
    }
    return source->number;
}

static bool source_is_wanted(struct filter_index *index, struct filter_member *member, enum way way,
                             struct filter_subject *subject)
{
    bool wanted;
    size_t number = number_of_source(index, way, subject);
    const struct repeated_texts *texts = source_of(index, way)->texts;
    struct text_verdicts *verdicts = &member->verdicts[way - NAME_WAYS];
    if (!text_verdicts_know(verdicts, texts, number, &wanted)) {
        wanted = way == WAY_LOG ? filter_matches_log(member->filter, subject)
                                : filter_matches_issuer(member->filter, subject);
        text_verdicts_note(verdicts, texts, number, wanted);
    }
    return wanted;
}

static bool name_is_wanted(const struct filter_index *index, const struct filter_member *member,
                           enum way way)
{
    for (size_t i = member->first_term[way]; i < member->first_term[way + 1]; i++)
        if (member->terms[i].term->entry == index->entry)
            return true;
    return false;
}

/* Whether all that the member asks is as it wants it. */
static bool is_passed(struct filter_index *index, struct filter_member *member,
                      struct filter_subject *subject)
{
    for (unsigned way = 0; way < NAME_WAYS; way++)
        if (member->asks[way] && !name_is_wanted(index, member, (enum way)way))
            return false;
    for (unsigned way = NAME_WAYS; way < WAYS; way++)
        if (member->asks[way] && !source_is_wanted(index, member, (enum way)way, subject))
            return false;
    return filter_matches_entry(member->filter, subject);
}

static void ask(struct filter_index *index, struct filter_member *member,
                struct filter_subject *subject)
{
    if (member->asked_in == index->entry)
        return;
    member->asked_in = index->entry;
    index->stats.asked++;
    if (is_passed(index, member, subject))
        pass(index, member);
    else if (member->state == MEMBER_TOGETHER)
        note_vain(index, member);
}

static void ask_those_found(struct filter_index *index, struct filter_subject *subject)
{
    for (size_t i = 0; i < index->found.count; i++)
        for (struct term_follower *follower = index->found.items[i]->followers; follower;
             follower = follower->next)
            ask(index, follower->owner, subject);
}

/* The members that want the text, of those whose way it is. */
static const struct member_list *find_wanting(struct filter_index *index, enum way way,
                                              struct filter_subject *subject)
{
    struct source *source = source_of(index, way);
    size_t number = number_of_source(index, way, subject);
    uint64_t generation = repeated_texts_generation(source->texts);
    if (generation != source->generation)
        forget_lists(source);
    source->generation = generation;
    struct member_list *wanting = &source->wanting[number];
    if (source->is_listed[number])
        return wanting;
    source->is_listed[number] = true;
    wanting->count = 0;
    for (size_t i = 0; i < source->members.count; i++)
        if (source_is_wanted(index, source->members.items[i], way, subject))
            push_member(wanting, source->members.items[i]);
    return wanting;
}

static void ask_those_of_source(struct filter_index *index, enum way way,
                                struct filter_subject *subject)
{
    if (source_of(index, way)->members.count == 0)
        return;
    const struct member_list *wanting = find_wanting(index, way, subject);
    for (size_t i = 0; i < wanting->count; i++)
        ask(index, wanting->items[i], subject);
}

static void ask_those_alone(struct filter_index *index, struct filter_subject *subject)
{
    const struct member_list *alone = &index->members[MEMBER_ALONE];
    for (size_t i = 0; i < alone->count; i++) {
        const struct filter_member *member = alone->items[i];
        bool lacks_domain = member->asks[WAY_DOMAIN] && !name_is_wanted(index, member, WAY_DOMAIN);
        if (!lacks_domain && filter_matches(member->filter, subject))
            pass(index, member);
    }
}

static void ask_the_others(struct filter_index *index, struct filter_subject *subject)
{
    const struct member_list *always = &index->members[MEMBER_ALWAYS];
    for (size_t i = 0; i < always->count; i++)
        ask(index, always->items[i], subject);
}

size_t filter_index_find(struct filter_index *index, struct filter_subject *subject,
                         void *const **owners)
{
    index->entry++;
    index->found.count = index->passed_count = 0;
    for (size_t i = 0; i < SOURCES; i++)
        index->sources[i].number = NUMBER_UNKNOWN;
    look_up_domains(index, subject);
    search_patterns(index, subject);
    ask_those_found(index, subject);
    ask_those_of_source(index, WAY_LOG, subject);
    ask_those_of_source(index, WAY_ISSUER, subject);
    ask_those_alone(index, subject);
    ask_the_others(index, subject);
    move_to_better_ways(index);
    *owners = index->passed;
    return index->passed_count;
}

/* The set */

int filter_index_descriptor(const struct filter_index *index)
{
    return index->compiler ? pattern_compiler_descriptor(index->compiler) : -1;
}

/* Whether the member's patterns may be in the next set. */
static bool is_wanted(const struct filter_member *member)
{
    bool is_awaited = member->is_awaited || member->state == MEMBER_TOGETHER;
    return filter_pattern_count(member->filter) > 0 && !member->is_unfit && is_awaited;
}

static bool has_wanted(const struct member_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_wanted(list->items[i]))
            return true;
    return false;
}

static void count_wanted(const struct member_list *list, size_t *groups, size_t *patterns)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_wanted(list->items[i])) {
            ++*groups;
            *patterns += filter_pattern_count(list->items[i]->filter);
        }
}

static void add_expressions(struct filter_index *index, struct pattern_job *job,
                            struct pattern_group *group, const struct filter_member *member)
{
    for (size_t i = 0; i < group->count; i++) {
        struct name_term *term = member->terms[member->first_term[WAY_MATCH] + i].term;
        size_t number = group->first + i;
        job->expressions[number] = memory_copy_string(term->expression);
        if (term->job == index->jobs)
            job->same[number] = term->in_job;
        else
            term->in_job = number;
        term->job = index->jobs;
    }
}

static void add_groups(struct filter_index *index, struct pattern_job *job,
                       const struct member_list *list, size_t *first)
{
    for (size_t i = 0; i < list->count; i++) {
        struct filter_member *member = list->items[i];
        if (!is_wanted(member))
            continue;
        index->in_job[index->in_job_count] = member;
        struct pattern_group *group = &job->groups[index->in_job_count++];
        group->first = *first;
        group->count = filter_pattern_count(member->filter);
        group->is_simple = !member->asks[WAY_REGEX];
        group->is_tried = member->is_tried;
        group->tried_us = member->tried_us;
        add_expressions(index, job, group, member);
        *first += group->count;
    }
}

static void start_job(struct filter_index *index)
{
    size_t groups = 0, patterns = 0, first = 0;
    count_wanted(&index->members[MEMBER_TOGETHER], &groups, &patterns);
    count_wanted(&index->members[MEMBER_ALONE], &groups, &patterns);
    if (patterns == 0)
        return;
    struct pattern_job *job = pattern_job_create(patterns, groups);
    index->in_job = memory_resize(index->in_job, groups, sizeof(struct filter_member *));
    index->in_job_count = 0;
    index->jobs++;
    add_groups(index, job, &index->members[MEMBER_TOGETHER], &first);
    add_groups(index, job, &index->members[MEMBER_ALONE], &first);
    assert(index->in_job_count == groups && first == patterns);
    if (pattern_compiler_start(index->compiler, job))
        return;
    pattern_job_destroy(job);
    index->in_job_count = 0;
}

void filter_index_tick(struct filter_index *index, uint64_t now_ms)
{
    bool has_new = has_wanted(&index->members[MEMBER_ALONE]);
    bool has_gone = index->gone_count >= GONE_MIN && 2 * index->gone_count > index->set_count;
    if (index->compiler && (has_new || has_gone) && !pattern_compiler_is_busy(index->compiler) &&
        now_ms >= index->rest_until_ms)
        start_job(index);
}

static void forget_set(struct filter_index *index)
{
    for (size_t i = 0; i < index->set_count; i++)
        if (index->set_terms[i])
            index->set_terms[i]->in_set = TERM_NOT_IN_SET;
    pattern_set_destroy(index->set);
    index->set = NULL;
    index->stats.set_bytes = 0;
    index->gone_count = index->set_count = 0;
}

/* The set is another one: nobody is in it yet. */
static void exchange_set(struct filter_index *index, struct pattern_job *job)
{
    forget_set(index);
    if (!job->set)
        return;
    index->set = job->set;
    job->set = NULL;
    pattern_scratch_fit(index->scratch, index->set);
    index->stats.set_bytes = pattern_set_bytes(index->set);
    index->set_count = index->gone_count = job->set_count;
    free(index->set_terms);
    index->set_terms = memory_allocate_zeroed(job->set_count, sizeof(struct name_term *));
}

static void move_member(struct filter_index *index, struct filter_member *member,
                        enum member_state state)
{
    if (member->state == state)
        return;
    leave_state(index, member);
    enter_state(index, member, state);
}

static void own_patterns(struct filter_index *index, const struct filter_member *member,
                         const struct pattern_job *job, const struct pattern_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct name_term *term = member->terms[member->first_term[WAY_MATCH] + i].term;
        size_t number = job->in_set[group->first + i];
        assert(number < index->set_count);
        index->gone_count -= !index->set_terms[number];
        index->set_terms[number] = term;
        term->in_set = (ptrdiff_t)number;
    }
}

static void take_group(struct filter_index *index, struct filter_member *member,
                       const struct pattern_job *job, const struct pattern_group *group)
{
    if (!member)
        return;
    if (group->is_good)
        own_patterns(index, member, job, group);
    member->is_tried = group->is_good;
    member->tried_us = group->tried_us;
    member->is_unfit = !group->is_good && !group->is_unwanted;
    move_member(index, member, group->is_good ? MEMBER_TOGETHER : MEMBER_ALONE);
}

void filter_index_take(struct filter_index *index, uint64_t now_ms)
{
    struct pattern_job *job = index->compiler ? pattern_compiler_take(index->compiler) : NULL;
    if (!job)
        return;
    exchange_set(index, job);
    for (size_t i = 0; i < index->in_job_count; i++)
        take_group(index, index->in_job[i], job, &job->groups[i]);
    index->in_job_count = 0;
    index->stats.compilations++;
    index->stats.compiling_ms += job->took_ms;
    index->rest_until_ms = now_ms + REST_FACTOR * job->took_ms;
    pattern_job_destroy(job);
}

const struct filter_index_stats *filter_index_stats(const struct filter_index *index)
{
    return &index->stats;
}
