/* The world of one process, for LD_PRELOAD: a disk that remembers, a disk that fails, and a wall clock that lies.
 *
 * WORLD_DISK   folder; every change of a file below it is appended to the file WORLD_LOG, in order and whole.
 * WORLD_STATE  file of 4 int64: an errno that every write below WORLD_DISK fails with (0: none), seconds added to the
 *              wall clock, whether adjtimex reports a synchronised clock (0: as it is, 1: yes, 2: no), spare.
 *
 * A record: op (1 byte), length of name (2), offset (8), length of data (4), name, data; little endian. Ops: W write,
 * T truncate to offset, S fsync or fdatasync, D fsync of the folder, U unlink, R rename (data: new name), L link. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static const char *disk;
static size_t disk_length;
static int log_fd = -1;
static volatile int64_t *state;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
    const char *log_name = getenv("WORLD_LOG"), *state_name = getenv("WORLD_STATE");
    disk = getenv("WORLD_DISK");
    disk_length = disk ? strlen(disk) : 0;
    if (log_name) log_fd = open(log_name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int fd = state_name ? open(state_name, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *memory = mmap(NULL, 32, PROT_READ, MAP_SHARED, fd, 0);
        if (memory != MAP_FAILED) state = memory;
        close(fd);
    }
}

/* The name below the disk, or NULL where it is not ours. */
static const char *ours(const char *path)
{
    if (!disk || strncmp(path, disk, disk_length) || (path[disk_length] && path[disk_length] != '/')) return NULL;
    return path[disk_length] ? path + disk_length + 1 : "";
}

static const char *name_of(int fd, char *path)
{
    char link[64];
    if (!disk || fd < 0) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return ours(path);
}

static const char *absolute(const char *path, char *whole)
{
    if (!disk || !path) return NULL;
    if (path[0] == '/') return ours(path);
    if (!getcwd(whole, PATH_MAX) || strlen(whole) + strlen(path) + 2 > PATH_MAX) return NULL;
    strcat(strcat(whole, "/"), path);
    return ours(whole);
}

static void note(char op, const char *name, uint64_t offset, const void *data, uint32_t length)
{
    if (log_fd < 0) return;
    unsigned char head[15];
    uint16_t name_length = (uint16_t)strlen(name);
    head[0] = (unsigned char)op;
    memcpy(head + 1, &name_length, 2);
    memcpy(head + 3, &offset, 8);
    memcpy(head + 11, &length, 4);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)name, name_length}, {(void *)data, length}};
    pthread_mutex_lock(&lock);
    if (REAL(writev)(log_fd, parts, 3) < 0) abort();
    pthread_mutex_unlock(&lock);
}

static int fails(const char *name)
{
    if (!name || !state || !state[0]) return 0;
    errno = (int)state[0];
    return 1;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    if (fails(name)) return -1;
    ssize_t done = REAL(pwrite64)(fd, data, length, offset);
    if (name && done > 0) note('W', name, (uint64_t)offset, data, (uint32_t)done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }

ssize_t write(int fd, const void *data, size_t length)
{
    char path[PATH_MAX];
    const char *name = fd == log_fd ? NULL : name_of(fd, path);
    if (!name) return REAL(write)(fd, data, length);
    if (fails(name)) return -1;
    ssize_t done = REAL(write)(fd, data, length);
    if (done > 0) note('W', name, (uint64_t)(lseek64(fd, 0, SEEK_CUR) - done), data, (uint32_t)done);
    return done;
}

int ftruncate64(int fd, off64_t length)
{
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    if (fails(name)) return -1;
    int result = REAL(ftruncate64)(fd, length);
    if (name && !result) note('T', name, (uint64_t)length, "", 0);
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int synced(int fd, int result)
{
    char path[PATH_MAX];
    struct stat status;
    const char *name = name_of(fd, path);
    if (name && !result) note(!fstat(fd, &status) && S_ISDIR(status.st_mode) ? 'D' : 'S', name, 0, "", 0);
    return result;
}

int fsync(int fd) { return synced(fd, REAL(fsync)(fd)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)(fd)); }

int unlink(const char *path)
{
    char whole[PATH_MAX];
    const char *name = absolute(path, whole);
    if (fails(name)) return -1;
    int result = REAL(unlink)(path);
    if (name && !result) note('U', name, 0, "", 0);
    return result;
}

static int moved(char op, int result, const char *from, const char *to)
{
    char whole_from[PATH_MAX], whole_to[PATH_MAX];
    const char *source = absolute(from, whole_from), *target = absolute(to, whole_to);
    if (source && target && !result) note(op, source, 0, target, (uint32_t)strlen(target));
    return result;
}

int rename(const char *from, const char *to)
{
    char whole[PATH_MAX];
    if (fails(absolute(to, whole))) return -1;
    return moved('R', REAL(rename)(from, to), from, to);
}

int link(const char *from, const char *to)
{
    char whole[PATH_MAX];
    if (fails(absolute(to, whole))) return -1;
    return moved('L', REAL(link)(from, to), from, to);
}

/* Python renames and links by these where it can. */
int renameat(int a, const char *from, int b, const char *to)
{
    char whole[PATH_MAX];
    if (fails(absolute(to, whole))) return -1;
    return moved('R', REAL(renameat)(a, from, b, to), from, to);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
    char whole[PATH_MAX];
    if (fails(absolute(to, whole))) return -1;
    return moved('L', REAL(linkat)(a, from, b, to, flags), from, to);
}

static int opened(const char *path, int flags)
{
    char whole[PATH_MAX];
    const char *name = absolute(path, whole);
    /* A full disk opens what is there; it makes nothing new, and a read-only one lets nobody write. */
    if (!name || !state || !state[0] || !(flags & (O_WRONLY | O_RDWR | O_CREAT))) return 0;
    if (state[0] == EROFS || ((flags & O_CREAT) && access(path, F_OK))) return fails(name);
    return 0;
}

#define MODE(flags) ({ mode_t mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); \
    mode = (mode_t)va_arg(more, int); va_end(more); } mode; })

int open64(const char *path, int flags, ...)
{
    mode_t mode = MODE(flags);
    return opened(path, flags) ? -1 : REAL(open64)(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = MODE(flags);
    return opened(path, flags) ? -1 : REAL(open64)(path, flags, mode);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int result = REAL(clock_gettime)(which, now);
    if (!result && state && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += state[1];
    return result;
}

int gettimeofday(struct timeval *now, void *zone)
{
    int result = REAL(gettimeofday)(now, zone);
    if (!result && state) now->tv_sec += state[1];
    return result;
}

time_t time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *buffer)
{
    int result = REAL(adjtimex)(buffer);
    return !state || !state[2] ? result : state[2] == 1 ? TIME_OK : TIME_ERROR;
}
