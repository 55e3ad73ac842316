/* What a program has left behind: it ends well when it has as many threads and open descriptors as it began with. On Linux,
 * where /proc tells; elsewhere this says nothing.
 */
#ifndef LEFT_H
#define LEFT_H

#include <stddef.h>

typedef struct {
    int threads;
    int descriptors;
} counts;

#ifdef __linux__

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

static int entries(const char *folder) {
    DIR *entry = opendir(folder);
    int count = 0;
    if (entry != NULL) {
        while (readdir(entry) != NULL) {
            count++;
        }
        closedir(entry);
    }
    return count;
}

static counts count_all(void) {
    counts now;
    now.threads = entries("/proc/self/task");
    now.descriptors = entries("/proc/self/fd");
    return now;
}

/* Whether more is there than before, and what. A thread that was joined may be seen for a moment more: this waits for it to go,
 * but not for ever. */
static int is_something_left(counts before) {
    const time_t start = time(NULL);
    counts now;
    do {
        now = count_all();
        if (now.threads <= before.threads && now.descriptors <= before.descriptors) {
            return 0;
        }
        sched_yield();
    } while (difftime(time(NULL), start) < 10);
    fprintf(stderr, "left behind: %d threads, %d descriptors\n", now.threads - before.threads,
        now.descriptors - before.descriptors);
    return 1;
}

#else

static counts count_all(void) {
    counts none = {0, 0};
    return none;
}

static int is_something_left(counts before) {
    (void)before;
    return 0;
}

#endif

#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 33)
#include <malloc.h>
#define LEFT_H_HEAP
#endif
#endif

/* Bytes of memory that are in use; 0 where the C library does not tell. */
static inline size_t heap_in_use(void) {
#ifdef LEFT_H_HEAP
    const struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
#else
    return 0;
#endif
}

#endif
