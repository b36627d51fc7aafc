/* A V4L2 capture device without kernel module, for LD_PRELOAD.
 *
 * The file named by V4L2_SHIM_DEVICE is the device; once it is deleted the device is unplugged. Its text is the frame
 * period in milliseconds (or "busy"), then what is odd about the device, read again at every call:
 *   refuse=NR:ERRNO   the request with this number fails (S_FMT is 5, STREAMON 18, ...)
 *   damaged           every picture carries V4L2_BUF_FLAG_ERROR
 *   used=N            pictures say they have N bytes
 *   again             poll says there is a picture, DQBUF says there is none and adds a line to .asked
 *   index=N           pictures come in buffer N
 *   padding=N         lines are followed by N bytes of 0xEE
 *   line=N            the format says its lines have N bytes
 *   room=N            buffers have N bytes
 *   wall              pictures are dated by the wall clock, and say so
 *   backwards         pictures are dated an hour ago, by the monotonic clock
 *   undated           pictures say they are dated and are not
 *   frozen_count      all pictures have number 0
 *   skip=N            N pictures are lost between any two
 *   endless           lists of modes and controls never end
 *   caps=N            these capabilities
 *   stubborn          controls keep their values
 *   meters=N          automatic exposure comes to N
 * It streams a moving ramp in the formats below, or the file V4L2_SHIM_JPEG as MJPG. The handle is a timer, so that poll
 * sees a frame when one is due. Every control that is set is added to V4L2_SHIM_DEVICE.controls as "name value", and the
 * name of every file that is told USBDEVFS_RESET to V4L2_SHIM_DEVICE.resets. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS = 8, MAX_WIDTH = 1280, MAX_HEIGHT = 720, BUFFER_BYTES = MAX_WIDTH * MAX_HEIGHT * 2 + 65536 };
/* The sizes it has, and the paces of each. */
static const uint32_t SIZES[][2] = {{640, 480}, {320, 240}, {1280, 720}}, PACES[] = {30, 15};
static const uint32_t FORMATS[] = {
    V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_GREY, V4L2_PIX_FMT_UYVY, V4L2_PIX_FMT_NV12,
    V4L2_PIX_FMT_Y10, V4L2_PIX_FMT_Y12, V4L2_PIX_FMT_Y16, V4L2_PIX_FMT_Z16,
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static int handle = -1;
static struct v4l2_pix_format format;
static uint32_t pace = 30;
static unsigned char *memory[BUFFERS];
/* The buffers to fill, oldest first; the first `filled` of them hold the pictures of these numbers and dates. */
static int queue[BUFFERS], queued, filled;
static uint32_t numbers[BUFFERS], sequence;
static int64_t dates_ns[BUFFERS], period_ns;
static int begun;

static const char *device(void) { const char *name = getenv("V4L2_SHIM_DEVICE"); return name ? name : ""; }

static int read_file(const char *path, void *into, int size)
{
    FILE *file = fopen(path, "rb");
    if (!file) return -1;
    int got = (int)fread(into, 1, (size_t)size, file);
    fclose(file);
    return got;
}

/* What the device's file says after `word`, -1 where the word is not there; a word alone is 0. */
static long oddity(const char *word)
{
    char text[256] = "";
    if (read_file(device(), text, sizeof text - 1) < 0) return -1;
    for (char *part = strtok(text, " \n"); part; part = strtok(NULL, " \n")) {
        size_t length = strlen(word);
        if (!strncmp(part, word, length) && (part[length] == '=' || !part[length]))
            return part[length] ? strtol(part + length + 1, NULL, 0) : 0;
    }
    return -1;
}

static void append(const char *suffix, const char *line)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.%s", device(), suffix);
    FILE *file = fopen(path, "a");
    if (!file) return;
    fprintf(file, "%s\n", line);
    fclose(file);
}

static int fail(int error) { errno = error; return -1; }

static uint32_t bytes_of_line(void)
{
    if (format.pixelformat == V4L2_PIX_FMT_MJPEG) return 0;
    int one = format.pixelformat == V4L2_PIX_FMT_GREY || format.pixelformat == V4L2_PIX_FMT_NV12;
    return format.width * (one ? 1 : 2);
}

static void set_format(uint32_t pixels, uint32_t width, uint32_t height)
{
    uint32_t known = V4L2_PIX_FMT_YUYV;
    for (size_t i = 0; i < COUNT(FORMATS); i++)
        if (FORMATS[i] == pixels) known = pixels;
    format.pixelformat = known;
    format.width = width < 16 ? 16 : width > MAX_WIDTH ? MAX_WIDTH : width & ~15u;
    format.height = height < 16 ? 16 : height > MAX_HEIGHT ? MAX_HEIGHT : height & ~15u;
    format.field = V4L2_FIELD_NONE;
    long padding = oddity("padding"), line = oddity("line");
    format.bytesperline = bytes_of_line() + (padding > 0 ? (uint32_t)padding : 0);
    if (line >= 0) format.bytesperline = (uint32_t)line;
    format.sizeimage = format.width * format.height * 2;
    format.colorspace = V4L2_COLORSPACE_SRGB;
}

#include "v4l2_shim_pictures.h"
#include "v4l2_shim_controls.h"

static int shim_open(void)
{
    char text[16] = "";
    if (read_file(device(), text, sizeof text - 1) < 0) return fail(ENOENT);
    if (handle >= 0 || !strncmp(text, "busy", 4)) return fail(EBUSY);
    handle = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    queued = 0;
    if (!format.width) set_format(V4L2_PIX_FMT_YUYV, 640, 480);
    return handle;
}

static int stream(int on)
{
    char text[16] = "";
    struct itimerspec every = {{0, 0}, {0, 0}};
    if (!on) queued = 0;
    filled = 0;
    if (on && read_file(device(), text, sizeof text - 1) < 0) return fail(ENODEV);
    sequence = 0;
    begun = 0;
    long period_ms = on ? atol(text) : 0;
    period_ns = period_ms * 1000000LL;
    every.it_interval.tv_sec = every.it_value.tv_sec = period_ms / 1000;
    every.it_interval.tv_nsec = every.it_value.tv_nsec = period_ms % 1000 * 1000000;
    return timerfd_settime(handle, 0, &every, NULL);
}

static void date(struct v4l2_buffer *buffer, int64_t monotonic_ns)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (oddity("backwards") >= 0) monotonic_ns -= 3600 * 1000000000LL;
    buffer->timestamp.tv_sec = monotonic_ns / 1000000000;
    buffer->timestamp.tv_usec = monotonic_ns % 1000000000 / 1000;
    if (oddity("wall") >= 0) {
        buffer->flags &= ~(uint32_t)V4L2_BUF_FLAG_TIMESTAMP_MASK;
        buffer->timestamp.tv_sec = now.tv_sec;
    }
    if (oddity("undated") >= 0) memset(&buffer->timestamp, 0, sizeof buffer->timestamp);
}

/* Put what was taken since the last call into the buffers there are; what finds none is lost. */
static void fill(void)
{
    uint64_t expired;
    if (read(handle, &expired, sizeof expired) < 0) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (uint64_t frame = 0; frame < expired; frame++) {
        /* The handle is old when its reader begins: nobody waited for that yet. */
        if (!begun) frame = expired - 1;
        begun = 1;
        if (filled < queued) {
            numbers[filled] = sequence;
            dates_ns[filled++] = now.tv_sec * 1000000000LL + now.tv_nsec - (int64_t)(expired - 1 - frame) * period_ns;
        }
        sequence += 1 + (oddity("skip") > 0 ? (uint32_t)oddity("skip") : 0);
    }
}

static int dequeue(struct v4l2_buffer *buffer)
{
    if (access(device(), F_OK)) return fail(ENODEV);
    if (!queued) return fail(EINVAL);
    if (oddity("again") >= 0) {
        append("asked", "DQBUF");
        return fail(EAGAIN);
    }
    fill();
    if (!filled) return fail(EAGAIN);
    memset(&buffer->timecode, 0, sizeof buffer->timecode);
    buffer->index = (uint32_t)queue[0];
    uint32_t number = numbers[0];
    int64_t date_ns = dates_ns[0];
    memmove(queue, queue + 1, sizeof queue - sizeof *queue);
    memmove(numbers, numbers + 1, sizeof numbers - sizeof *numbers);
    memmove(dates_ns, dates_ns + 1, sizeof dates_ns - sizeof *dates_ns);
    queued--;
    filled--;
    buffer->bytesused = draw(memory[buffer->index], number);
    if (oddity("used") >= 0) buffer->bytesused = (uint32_t)oddity("used");
    if (oddity("index") >= 0) buffer->index = (uint32_t)oddity("index");
    buffer->length = BUFFER_BYTES;
    buffer->sequence = oddity("frozen_count") >= 0 ? 0 : number;
    buffer->field = V4L2_FIELD_NONE;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (oddity("damaged") >= 0) buffer->flags |= V4L2_BUF_FLAG_ERROR;
    date(buffer, date_ns);
    return 0;
}

static int list_format(struct v4l2_fmtdesc *entry)
{
    if (entry->index >= COUNT(FORMATS) && oddity("endless") < 0) return fail(EINVAL);
    entry->pixelformat = FORMATS[entry->index % COUNT(FORMATS)];
    return 0;
}

static int list_size(struct v4l2_frmsizeenum *entry)
{
    if (entry->index >= COUNT(SIZES) && oddity("endless") < 0) return fail(EINVAL);
    entry->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    entry->discrete.width = SIZES[entry->index % COUNT(SIZES)][0];
    entry->discrete.height = SIZES[entry->index % COUNT(SIZES)][1];
    return 0;
}

static int list_pace(struct v4l2_frmivalenum *entry)
{
    if (entry->index >= COUNT(PACES) && oddity("endless") < 0) return fail(EINVAL);
    entry->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    entry->discrete.numerator = 1;
    entry->discrete.denominator = PACES[entry->index % COUNT(PACES)];
    return 0;
}

static int set_pace(struct v4l2_captureparm *parameters)
{
    uint32_t above = parameters->timeperframe.numerator, below = parameters->timeperframe.denominator;
    pace = above && below / above < 20 ? 15 : 30;
    parameters->capability = V4L2_CAP_TIMEPERFRAME;
    parameters->timeperframe.numerator = 1;
    parameters->timeperframe.denominator = pace;
    return 0;
}

static int capabilities(struct v4l2_capability *capability)
{
    long caps = oddity("caps");
    memset(capability, 0, sizeof *capability);
    strcpy((char *)capability->driver, "shim");
    strcpy((char *)capability->card, "Shim Camera");
    strcpy((char *)capability->bus_info, "platform:shim");
    capability->device_caps = caps >= 0 ? (uint32_t)caps : V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int buffer_place(struct v4l2_buffer *buffer)
{
    long room = oddity("room");
    if (buffer->index >= BUFFERS) return fail(EINVAL);
    buffer->length = room >= 0 ? (uint32_t)room : BUFFER_BYTES;
    buffer->m.offset = buffer->index * BUFFER_BYTES;
    return 0;
}

static int refused(unsigned long request)
{
    char text[256] = "", *at;
    if (read_file(device(), text, sizeof text - 1) < 0) return 0;
    at = strstr(text, "refuse=");
    if (!at || strtoul(at + 7, &at, 10) != (request & 0xFF)) return 0;
    return atoi(at + 1);
}

static int shim_ioctl(unsigned long request, void *argument)
{
    struct v4l2_format *wanted = argument;
    struct v4l2_requestbuffers *buffers = argument;
    if (refused(request)) return fail(refused(request));
    switch (request) {
    case VIDIOC_QUERYCAP: return capabilities(argument);
    case VIDIOC_ENUM_FMT: return list_format(argument);
    case VIDIOC_ENUM_FRAMESIZES: return list_size(argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return list_pace(argument);
    case VIDIOC_S_FMT:
        set_format(wanted->fmt.pix.pixelformat, wanted->fmt.pix.width, wanted->fmt.pix.height);
        /* fall through */
    case VIDIOC_G_FMT: wanted->fmt.pix = format; return 0;
    case VIDIOC_S_PARM: return set_pace(&((struct v4l2_streamparm *)argument)->parm.capture);
    case VIDIOC_REQBUFS:
        buffers->count = buffers->count > BUFFERS ? BUFFERS : buffers->count;
        queued = 0;
        return 0;
    case VIDIOC_QUERYBUF: return buffer_place(argument);
    case VIDIOC_QBUF:
        if (access(device(), F_OK)) return fail(ENODEV);
        if (queued < BUFFERS) queue[queued++] = (int)((struct v4l2_buffer *)argument)->index;
        return 0;
    case VIDIOC_DQBUF: return dequeue(argument);
    case VIDIOC_STREAMON: return stream(1);
    case VIDIOC_STREAMOFF: return stream(0);
    case VIDIOC_QUERY_EXT_CTRL: return describe(argument, 0);
    case VIDIOC_QUERYCTRL: return describe(argument, 1);
    case VIDIOC_S_CTRL: return set_control(argument);
    case VIDIOC_G_CTRL: return get_control(argument);
    default: return fail(ENOTTY);
    }
}

static int reset(int fd)
{
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0) return -1;
    append("resets", path);
    return 0;
}

/* The calls a program makes; each goes to the real one unless it is about our device. */

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPENING(name) \
    int name(const char *path, int flags, ...) \
    { \
        mode_t mode = 0; \
        va_list rest; \
        va_start(rest, flags); \
        if (flags & (O_CREAT | __O_TMPFILE)) mode = va_arg(rest, mode_t); \
        va_end(rest); \
        if (!strcmp(path, device()) && (flags & O_ACCMODE) == O_RDWR && (flags & O_NONBLOCK)) return shim_open(); \
        return REAL(name)(path, flags, mode); \
    }

OPENING(open)
OPENING(open64)

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd == handle) return shim_ioctl(request, argument);
    if (request == USBDEVFS_RESET && *device()) return reset(fd);
    return REAL(ioctl)(fd, request, argument);
}

#define MAPPING(name, offset_type) \
    void *name(void *at, size_t length, int protection, int flags, int fd, offset_type offset) \
    { \
        if (fd < 0 || fd != handle) return REAL(name)(at, length, protection, flags, fd, offset); \
        if (length > 1 << 30) { errno = EINVAL; return MAP_FAILED; } \
        memory[offset / BUFFER_BYTES] = REAL(name)(NULL, length > BUFFER_BYTES ? length : BUFFER_BYTES, \
            PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); \
        return memory[offset / BUFFER_BYTES]; \
    }

MAPPING(mmap, off_t)
MAPPING(mmap64, off64_t)

int close(int fd)
{
    if (fd >= 0 && fd == handle) handle = -1;
    return REAL(close)(fd);
}
