/* Sits between the hub and the C library (LD_PRELOAD) and
 *   - writes down every change to the data directory and the key folder, and every sync, in the order in which they
 *     happened, so that a test can rebuild the folders as a power cut would leave them;
 *   - lets syncs fail, moves the wall clock, and kills the process at a given change, as a control file says.
 *
 * The log can be relied on after SIGKILL: each record is one write(2) to a file opened with O_APPEND. All changes run
 * and are written down under one lock, so the order in the log is the order on the file system. A sync is written down
 * twice, before and after, outside of the lock: it covers what was in the log before its first record, and counts only
 * from its second one on. What the hub says to others (an answer 202, a request of its own) is written down before it
 * leaves, so that everything it rests on must stand in the log before it.
 *
 * Environment: ROHRPOST_SHIM_ROOT (the folder that holds `data` and `keys`; canonical), ROHRPOST_SHIM_LOG,
 * ROHRPOST_SHIM_CONTROL. Without a log nothing is written down; without a control file nothing is made to fail. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Kinds of records; log.rs has the same. */
enum {
    BEGUN = 1,   /* a process began */
    CREATED,     /* path: a new, empty file */
    CUT,         /* path, a: its length was set */
    WRITTEN,     /* path, a: offset, data */
    MADE_FOLDER, /* path */
    RENAMED,     /* path, to */
    REMOVED,     /* path: a file or a folder */
    LINKED,      /* path, to */
    ZEROED,      /* path, a: offset, b: length: holes were punched */
    SYNC_BEGAN,  /* path */
    SYNC_ENDED,  /* path, a: number of the record with which it began */
    SYNC_FAILED, /* path, a: the same */
    SAID,        /* data: the head of what is about to leave through a socket */
    UNKNOWN      /* path: a change that cannot be rebuilt */
};

struct head {
    uint32_t magic, length, kind, path, to, data;
    uint64_t number, time, a, b;
};

/* The control file; shim.rs writes it. */
struct control {
    int64_t shift;          /* nanoseconds that are added to the wall clock */
    uint64_t changes_left;  /* after so many further records the process is killed; 0: never */
    uint32_t failures_left; /* so many further syncs fail; UINT32_MAX: all */
    uint32_t error;         /* with this errno */
    uint32_t failed;        /* counts them */
    uint32_t kill_at;       /* the process is killed after the next record of this kind; 0: never */
    char of[112];           /* of syncs, those of paths that contain this, or that are what follows a '=' */
    char at[112];           /* of records of that kind, those of paths that fit this */
};

static const uint32_t MAGIC = 0x52505743; /* RPWC */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ready;
static int out = -1;
static uint64_t number;
static char root[PATH_MAX];
static size_t root_length;
static volatile struct control *control;

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, openat, int, const char *, int, ...);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, writev, int, const struct iovec *, int);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t);
REAL(int, ftruncate, int, off_t);
REAL(int, truncate, const char *, off_t);
REAL(int, fallocate, int, int, off_t, off_t);
REAL(int, posix_fallocate, int, off_t, off_t);
REAL(int, renameat2, int, const char *, int, const char *, unsigned);
REAL(int, unlinkat, int, const char *, int);
REAL(int, mkdirat, int, const char *, mode_t);
REAL(int, linkat, int, const char *, int, const char *, int);
REAL(int, symlinkat, const char *, int, const char *);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(void *, mmap, void *, size_t, int, int, int, off_t);
REAL(ssize_t, copy_file_range, int, off_t *, int, off_t *, size_t, unsigned);
REAL(ssize_t, sendfile, int, int, off_t *, size_t);
REAL(ssize_t, splice, int, off_t *, int, off_t *, size_t, unsigned);
REAL(ssize_t, send, int, const void *, size_t, int);
REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
REAL(int, clock_gettime, clockid_t, struct timespec *);

static void fail(const char *what) {
    fprintf(stderr, "power shim: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- the log ---- */

static uint64_t monotonic(void) {
    struct timespec now;
    real_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(void) {
    control->changes_left = 0;
    control->kill_at = 0;
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int fits(const char *path, const volatile char *wanted) {
    const char *text = (const char *)wanted;
    if (!path) return 0;
    return *text == '=' ? strcmp(path, text + 1) == 0 : strstr(path, text) != NULL;
}

/* Writes a record with the first `size` bytes of `data`. The caller holds the lock. */
static uint64_t record(int kind, const char *path, const char *to, uint64_t a, uint64_t b, const struct iovec *data,
                       int pieces, size_t size) {
    struct head head = {.magic = MAGIC, .kind = (uint32_t)kind, .a = a, .b = b};
    struct iovec all[1024 + 3];
    if (pieces > 1024) {
        errno = EINVAL;
        fail("too many pieces in one write");
    }
    head.number = ++number;
    head.time = monotonic();
    head.path = path ? (uint32_t)strlen(path) : 0;
    head.to = to ? (uint32_t)strlen(to) : 0;
    head.data = (uint32_t)size;
    head.length = (uint32_t)sizeof head + head.path + head.to + head.data;
    all[0] = (struct iovec){&head, sizeof head};
    all[1] = (struct iovec){(void *)path, head.path};
    all[2] = (struct iovec){(void *)to, head.to};
    int used = 3;
    for (int i = 0; i < pieces && size > 0; i++) {
        size_t part = data[i].iov_len < size ? data[i].iov_len : size;
        all[used++] = (struct iovec){data[i].iov_base, part};
        size -= part;
    }
    if (out >= 0 && real_writev(out, all, used) != (ssize_t)head.length) fail("the log cannot be written");
    if (control && control->changes_left > 0 && --control->changes_left == 0) die();
    if (control && (int)control->kill_at == kind && (fits(path, control->at) || fits(to, control->at))) die();
    return head.number;
}

static void note(int kind, const char *path, const char *to, uint64_t a, uint64_t b) {
    record(kind, path, to, a, b, NULL, 0, 0);
}

/* ---- which paths count ---- */

/* The folder itself, `data` and `keys` with all that is below. The rest of the path, or NULL. */
static const char *inside(const char *path) {
    if (root_length == 0 || strncmp(path, root, root_length) != 0) return NULL;
    const char *rest = path + root_length;
    if (*rest == 0) return ".";
    if (*rest != '/') return NULL;
    rest++;
    size_t first = strcspn(rest, "/");
    int counts = first == 4 && (strncmp(rest, "data", 4) == 0 || strncmp(rest, "keys", 4) == 0);
    return counts ? rest : NULL;
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

/* The path of an open file that counts and still has a name. */
static const char *open_inside(int fd, char *path) {
    if (root_length == 0 || !path_of(fd, path)) return NULL;
    const char *rest = inside(path);
    if (!rest) return NULL;
    size_t length = strlen(rest);
    const char *gone = " (deleted)";
    if (length > strlen(gone) && strcmp(rest + length - strlen(gone), gone) == 0) return NULL;
    return rest;
}

/* The path with its folder made canonical; the last part need not exist. */
static const char *named_inside(int at, const char *name, char *path) {
    char copy[PATH_MAX], folder[PATH_MAX];
    if (root_length == 0 || strlen(name) >= sizeof copy) return NULL;
    strcpy(copy, name);
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/') copy[--length] = 0;
    char *slash = strrchr(copy, '/');
    const char *last = slash ? slash + 1 : copy;
    if (slash) {
        *slash = 0;
        if (slash != copy && copy[0] != '/' && at != AT_FDCWD) return NULL;
        if (!realpath(slash == copy ? "/" : copy, folder)) return NULL;
    } else if (at == AT_FDCWD) {
        if (!getcwd(folder, sizeof folder)) return NULL;
    } else if (!path_of(at, folder)) {
        return NULL;
    }
    if (snprintf(path, PATH_MAX, "%s/%s", folder, last) >= PATH_MAX) return NULL;
    return inside(path);
}

/* ---- the begin ---- */

static void load(void) {
#define FIND(name)                                                                                                     \
    do {                                                                                                               \
        real_##name = dlsym(RTLD_NEXT, #name);                                                                         \
        if (!real_##name) fail(#name);                                                                                 \
    } while (0)
    FIND(open); FIND(openat); FIND(write); FIND(writev); FIND(pwrite); FIND(pwritev); FIND(ftruncate); FIND(truncate);
    FIND(fallocate); FIND(posix_fallocate); FIND(renameat2); FIND(unlinkat); FIND(mkdirat); FIND(linkat);
    FIND(symlinkat); FIND(fsync); FIND(fdatasync); FIND(mmap); FIND(copy_file_range); FIND(sendfile); FIND(splice);
    FIND(send); FIND(sendto); FIND(sendmsg); FIND(clock_gettime);

    const char *folder = getenv("ROHRPOST_SHIM_ROOT"), *log = getenv("ROHRPOST_SHIM_LOG");
    const char *controls = getenv("ROHRPOST_SHIM_CONTROL");
    if (controls) {
        int fd = real_open(controls, O_RDWR | O_CLOEXEC);
        if (fd < 0) fail(controls);
        void *shared = real_mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared == MAP_FAILED) fail(controls);
        close(fd);
        control = shared;
    }
    if (folder) {
        snprintf(root, sizeof root, "%s", folder);
        root_length = strlen(root);
    }
    if (log) {
        out = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (out < 0) fail(log);
    }
    ready = 1;
    if (out >= 0) note(BEGUN, NULL, NULL, (uint64_t)getpid(), 0);
}

static void begin(void) {
    if (!ready) pthread_once(&once, load);
}

__attribute__((constructor)) static void at_start(void) { begin(); }

/* ---- files are opened ---- */

static int opened(int at, const char *name, int flags, mode_t mode) {
    begin();
    char path[PATH_MAX];
    const char *rest = flags & (O_CREAT | O_TRUNC) ? named_inside(at, name, path) : NULL;
    if (!rest) return real_openat(at, name, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat before;
    int is_new = fstatat(AT_FDCWD, path, &before, AT_SYMLINK_NOFOLLOW) != 0;
    int fd = real_openat(at, name, flags, mode), error = errno;
    if (fd >= 0) {
        if ((flags & O_TMPFILE) == O_TMPFILE || (!is_new && S_ISLNK(before.st_mode))) note(UNKNOWN, rest, NULL, 0, 0);
        else if (is_new) note(CREATED, rest, NULL, 0, 0);
        else if (flags & O_TRUNC) note(CUT, rest, NULL, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE_OF(flags, mode)                                                                                           \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags, mode) return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags, mode) return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags, mode) return opened(at, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* ---- what is said ---- */

/* Writes down the head of an answer 202 or of a request that is about to leave. */
static void said(int fd, const struct iovec *data, int pieces) {
    if (out < 0 || pieces < 1) return;
    char head[1024];
    size_t length = 0;
    for (int i = 0; i < pieces && length < sizeof head; i++) {
        size_t part = data[i].iov_len < sizeof head - length ? data[i].iov_len : sizeof head - length;
        memcpy(head + length, data[i].iov_base, part);
        length += part;
    }
    int answer = length >= 12 && memcmp(head, "HTTP/1.1 202", 12) == 0;
    int request = length >= 5 && memcmp(head, "POST ", 5) == 0;
    char path[PATH_MAX];
    if ((!answer && !request) || !path_of(fd, path) || strncmp(path, "socket:", 7) != 0) return;
    struct iovec whole = {head, length};
    pthread_mutex_lock(&lock);
    record(SAID, NULL, NULL, 0, 0, &whole, 1, length);
    pthread_mutex_unlock(&lock);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
    begin();
    struct iovec data = {(void *)bytes, size};
    said(fd, &data, 1);
    return real_send(fd, bytes, size, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t size, int flags, const struct sockaddr *to, socklen_t length) {
    begin();
    struct iovec data = {(void *)bytes, size};
    said(fd, &data, 1);
    return real_sendto(fd, bytes, size, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    begin();
    said(fd, message->msg_iov, (int)message->msg_iovlen);
    return real_sendmsg(fd, message, flags);
}

/* ---- files are written ---- */

/* Writes down what was written. `at` < 0: where the file's position now ends. The caller holds the lock. */
static void written(int fd, const char *rest, const struct iovec *data, int pieces, off_t at, ssize_t size) {
    if (size <= 0) return;
    if (at < 0) at = lseek(fd, 0, SEEK_CUR) - size;
    record(WRITTEN, rest, NULL, (uint64_t)at, 0, data, pieces, (size_t)size);
}

#define WRITING(call, data, pieces, at)                                                                                \
    begin();                                                                                                           \
    char path[PATH_MAX];                                                                                               \
    if (!open_inside(fd, path)) {                                                                                      \
        if ((at) < 0) said(fd, data, pieces);                                                                          \
        return call;                                                                                                   \
    }                                                                                                                  \
    pthread_mutex_lock(&lock);                                                                                         \
    const char *rest = open_inside(fd, path);                                                                          \
    ssize_t size = call;                                                                                               \
    int error = errno;                                                                                                 \
    if (rest) written(fd, rest, data, pieces, at, size);                                                               \
    pthread_mutex_unlock(&lock);                                                                                       \
    errno = error;                                                                                                     \
    return size;

ssize_t write(int fd, const void *bytes, size_t length) {
    struct iovec data = {(void *)bytes, length};
    WRITING(real_write(fd, bytes, length), &data, 1, (off_t)-1)
}

ssize_t writev(int fd, const struct iovec *data, int pieces) {
    WRITING(real_writev(fd, data, pieces), data, pieces, (off_t)-1)
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    struct iovec data = {(void *)bytes, length};
    WRITING(real_pwrite(fd, bytes, length, at), &data, 1, at)
}

ssize_t pwritev(int fd, const struct iovec *data, int pieces, off_t at) {
    WRITING(real_pwritev(fd, data, pieces, at), data, pieces, at)
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }
ssize_t pwritev64(int fd, const struct iovec *data, int pieces, off64_t at) { return pwritev(fd, data, pieces, at); }
ssize_t pwritev2(int fd, const struct iovec *data, int pieces, off_t at, int flags) {
    (void)flags;
    return at < 0 ? writev(fd, data, pieces) : pwritev(fd, data, pieces, at);
}
ssize_t pwritev64v2(int fd, const struct iovec *data, int pieces, off64_t at, int flags) {
    return pwritev2(fd, data, pieces, at, flags);
}

/* A change of an open file that succeeds with 0. */
#define CHANGING(call, kind, a, b)                                                                                     \
    begin();                                                                                                           \
    char path[PATH_MAX];                                                                                               \
    if (!open_inside(fd, path)) return call;                                                                           \
    pthread_mutex_lock(&lock);                                                                                         \
    const char *rest = open_inside(fd, path);                                                                          \
    int result = call, error = errno;                                                                                  \
    if (rest && result == 0) note(kind, rest, NULL, (uint64_t)(a), (uint64_t)(b));                                     \
    pthread_mutex_unlock(&lock);                                                                                       \
    errno = error;                                                                                                     \
    return result;

int ftruncate(int fd, off_t length) { CHANGING(real_ftruncate(fd, length), CUT, length, 0) }
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

int fallocate(int fd, int mode, off_t at, off_t length) {
    int kind = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) ? ZEROED : UNKNOWN;
    CHANGING(real_fallocate(fd, mode, at, length), kind, at, length)
}
int fallocate64(int fd, int mode, off64_t at, off64_t length) { return fallocate(fd, mode, at, length); }

int posix_fallocate(int fd, off_t at, off_t length) { CHANGING(real_posix_fallocate(fd, at, length), UNKNOWN, at, length) }
int posix_fallocate64(int fd, off64_t at, off64_t length) { return posix_fallocate(fd, at, length); }

/* ---- names ---- */

/* A change of names that succeeds with 0. */
#define NAMING(first, second, call, kind)                                                                              \
    const char *rest = first, *other = second;                                                                         \
    if (!rest && !other) return call;                                                                                  \
    pthread_mutex_lock(&lock);                                                                                         \
    int result = call, error = errno;                                                                                  \
    if (result == 0) note(rest && (other || !to_is_wanted) ? kind : UNKNOWN, rest ? rest : other, other, 0, 0);        \
    pthread_mutex_unlock(&lock);                                                                                       \
    errno = error;                                                                                                     \
    return result;

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    begin();
    const int to_is_wanted = 1;
    char path[PATH_MAX], target[PATH_MAX];
    NAMING(named_inside(from_at, from, path), named_inside(to_at, to, target),
           real_renameat2(from_at, from, to_at, to, flags), flags & RENAME_EXCHANGE ? UNKNOWN : RENAMED)
}
int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    begin();
    const int to_is_wanted = 1;
    char path[PATH_MAX], target[PATH_MAX];
    NAMING(named_inside(from_at, from, path), named_inside(to_at, to, target),
           real_linkat(from_at, from, to_at, to, flags), LINKED)
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int symlinkat(const char *to, int at, const char *name) {
    begin();
    const int to_is_wanted = 0;
    char path[PATH_MAX];
    NAMING(named_inside(at, name, path), NULL, real_symlinkat(to, at, name), UNKNOWN)
}
int symlink(const char *to, const char *name) { return symlinkat(to, AT_FDCWD, name); }

int unlinkat(int at, const char *name, int flags) {
    begin();
    const int to_is_wanted = 0;
    char path[PATH_MAX];
    NAMING(named_inside(at, name, path), NULL, real_unlinkat(at, name, flags), REMOVED)
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int at, const char *name, mode_t mode) {
    begin();
    const int to_is_wanted = 0;
    char path[PATH_MAX];
    NAMING(named_inside(at, name, path), NULL, real_mkdirat(at, name, mode), MADE_FOLDER)
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int truncate(const char *name, off_t length) {
    begin();
    const int to_is_wanted = 0;
    char path[PATH_MAX];
    NAMING(named_inside(AT_FDCWD, name, path), NULL, real_truncate(name, length), UNKNOWN)
}
int truncate64(const char *name, off64_t length) { return truncate(name, length); }

/* ---- syncs ---- */

static int is_to_fail(const char *rest) {
    if (!control || control->failures_left == 0 || !fits(rest, control->of)) return 0;
    pthread_mutex_lock(&lock);
    int fails = control->failures_left > 0;
    if (fails && control->failures_left != UINT32_MAX) control->failures_left--;
    if (fails) control->failed++;
    pthread_mutex_unlock(&lock);
    return fails;
}

static int synced(int fd, int (*real)(int)) {
    begin();
    char path[PATH_MAX];
    const char *rest = open_inside(fd, path);
    if (!rest) return real(fd);
    pthread_mutex_lock(&lock);
    uint64_t began = record(SYNC_BEGAN, rest, NULL, 0, 0, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    int fails = is_to_fail(rest);
    int result = fails ? -1 : real(fd), error = fails ? (int)control->error : errno;
    pthread_mutex_lock(&lock);
    note(result == 0 ? SYNC_ENDED : SYNC_FAILED, rest, NULL, began, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

/* ---- ways of writing that cannot be rebuilt ---- */

static void refuse_to_rebuild(int fd) {
    char path[PATH_MAX];
    const char *rest = open_inside(fd, path);
    if (!rest) return;
    pthread_mutex_lock(&lock);
    note(UNKNOWN, rest, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
}

/* SQLite's shared memory needs no disk; it is built anew after a power cut. */
void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t at) {
    begin();
    char path[PATH_MAX];
    if (fd >= 0 && flags & MAP_SHARED && protection & PROT_WRITE && open_inside(fd, path) && !strstr(path, "-shm"))
        refuse_to_rebuild(fd);
    return real_mmap(where, length, protection, flags, fd, at);
}
void *mmap64(void *where, size_t length, int protection, int flags, int fd, off64_t at) {
    return mmap(where, length, protection, flags, fd, at);
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t size, unsigned flags) {
    begin();
    refuse_to_rebuild(to);
    return real_copy_file_range(from, from_at, to, to_at, size, flags);
}
ssize_t sendfile(int to, int from, off_t *at, size_t size) {
    begin();
    refuse_to_rebuild(to);
    return real_sendfile(to, from, at, size);
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { return sendfile(to, from, at, size); }
ssize_t splice(int from, off_t *from_at, int to, off_t *to_at, size_t size, unsigned flags) {
    begin();
    refuse_to_rebuild(to);
    return real_splice(from, from_at, to, to_at, size, flags);
}

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    begin();
    int result = real_clock_gettime(clock, now);
    if (result == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t nanos = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + control->shift;
        now->tv_sec = nanos / 1000000000;
        now->tv_nsec = nanos % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
    return result;
}

time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
