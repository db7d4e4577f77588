/*
 * The ingest daemon: settings → log lists → followed logs → entries → Redis, in one thread around
 * one waiting place.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

struct ingest_settings;

/* What signal handlers set. */
struct ingest_signals {
    volatile int stop;
    volatile int reload; /* the log lists are to be read now */
};

/* Runs until a signal asks it to stop; the process's exit code. */
int ingest_run(const struct ingest_settings *settings, struct ingest_signals *signals);

/* --list-logs: prints what would be followed, and why; the process's exit code. */
int ingest_list_logs(const struct ingest_settings *settings);

#endif
