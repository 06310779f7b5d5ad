/* A wall clock that is wrong by as many seconds as the first eight bytes of the file WALL_CLOCK say, from moment to moment.
   Loaded in front of the C library (LD_PRELOAD). The monotonic clock and everything that waits are left alone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t wrong(void) {
    static volatile int64_t *seen;
    if (!seen) {
        const char *path = getenv("WALL_CLOCK");
        int file = path ? open(path, O_RDONLY) : -1;
        if (file < 0) return 0;
        void *there = mmap(NULL, sizeof *seen, PROT_READ, MAP_SHARED, file, 0);
        close(file);
        if (there == MAP_FAILED) return 0;
        seen = there;
    }
    return *seen;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, which, now);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += wrong();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec fine;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &fine)) return -1;
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *where) {
    struct timespec fine;
    if (clock_gettime(CLOCK_REALTIME, &fine)) return -1;
    if (where) *where = fine.tv_sec;
    return fine.tv_sec;
}
