/* A V4L2 capture device without kernel module, for LD_PRELOAD.
 *
 * The file named by V4L2_SHIM_DEVICE is the device: its text is the frame period in milliseconds, or "busy". While it
 * exists the device streams a moving ramp as YUYV or GREY, or the file V4L2_SHIM_JPEG as MJPG; once it is deleted the
 * device is unplugged. The handle is a timer, so that poll and select see a frame when one is due. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
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

enum { BUFFERS = 8, MAX_WIDTH = 1280, MAX_HEIGHT = 720, BUFFER_BYTES = MAX_WIDTH * MAX_HEIGHT * 2 };

static int handle = -1;
static struct v4l2_pix_format format;
static unsigned char *memory[BUFFERS];
static int queue[BUFFERS], queued;
static uint32_t sequence;

static const char *device(void) { const char *name = getenv("V4L2_SHIM_DEVICE"); return name ? name : ""; }

static int read_text(const char *path, void *into, int size)
{
    FILE *file = fopen(path, "rb");
    if (!file) return -1;
    int got = (int)fread(into, 1, (size_t)size, file);
    fclose(file);
    return got;
}

static int fail(int error) { errno = error; return -1; }

static void set_format(uint32_t pixels, uint32_t width, uint32_t height)
{
    if (pixels != V4L2_PIX_FMT_YUYV && pixels != V4L2_PIX_FMT_GREY && pixels != V4L2_PIX_FMT_MJPEG)
        pixels = V4L2_PIX_FMT_YUYV;
    format.pixelformat = pixels;
    format.width = width < 16 ? 16 : width > MAX_WIDTH ? MAX_WIDTH : width & ~15u;
    format.height = height < 16 ? 16 : height > MAX_HEIGHT ? MAX_HEIGHT : height & ~15u;
    format.field = V4L2_FIELD_NONE;
    format.bytesperline = format.width * (pixels == V4L2_PIX_FMT_YUYV ? 2 : 1);
    format.sizeimage = format.width * format.height * 2;
    format.colorspace = V4L2_COLORSPACE_SRGB;
}

static int shim_open(void)
{
    char text[16] = "";
    if (read_text(device(), text, sizeof text - 1) < 0) return fail(ENOENT);
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
    if (on && read_text(device(), text, sizeof text - 1) < 0) return fail(ENODEV);
    long period_ms = on ? atol(text) : 0;
    every.it_interval.tv_sec = every.it_value.tv_sec = period_ms / 1000;
    every.it_interval.tv_nsec = every.it_value.tv_nsec = period_ms % 1000 * 1000000;
    return timerfd_settime(handle, 0, &every, NULL);
}

static uint32_t draw(unsigned char *into)
{
    if (format.pixelformat == V4L2_PIX_FMT_MJPEG) {
        int got = read_text(getenv("V4L2_SHIM_JPEG"), into, (int)format.sizeimage);
        return got < 0 ? 0 : (uint32_t)got;
    }
    int step = format.pixelformat == V4L2_PIX_FMT_YUYV ? 2 : 1;
    for (uint32_t y = 0; y < format.height; y++)
        for (uint32_t x = 0; x < format.width; x++) {
            unsigned char *pixel = into + (y * format.width + x) * (uint32_t)step;
            pixel[0] = (unsigned char)(40 + (x + y + sequence * 8) % 160);
            if (step == 2) pixel[1] = 128;
        }
    return format.width * format.height * (uint32_t)step;
}

static int dequeue(struct v4l2_buffer *buffer)
{
    uint64_t expired;
    struct timespec now;
    if (access(device(), F_OK)) return fail(ENODEV);
    if (!queued) return fail(EINVAL);
    if (read(handle, &expired, sizeof expired) < 0) return fail(EAGAIN);
    clock_gettime(CLOCK_MONOTONIC, &now);
    memset(&buffer->timecode, 0, sizeof buffer->timecode);
    buffer->index = (uint32_t)queue[0];
    memmove(queue, queue + 1, sizeof queue - sizeof *queue);
    queued--;
    buffer->bytesused = draw(memory[buffer->index]);
    buffer->length = BUFFER_BYTES;
    buffer->m.offset = buffer->index * BUFFER_BYTES;
    buffer->sequence = sequence++;
    buffer->field = V4L2_FIELD_NONE;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->timestamp.tv_sec = now.tv_sec;
    buffer->timestamp.tv_usec = now.tv_nsec / 1000;
    return 0;
}

static int shim_ioctl(unsigned long request, void *argument)
{
    struct v4l2_capability *capability = argument;
    struct v4l2_format *wanted = argument;
    struct v4l2_streamparm *rate = argument;
    struct v4l2_requestbuffers *buffers = argument;
    struct v4l2_buffer *buffer = argument;
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "shim");
        strcpy((char *)capability->card, "shim");
        capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_S_FMT:
        set_format(wanted->fmt.pix.pixelformat, wanted->fmt.pix.width, wanted->fmt.pix.height);
        /* fall through */
    case VIDIOC_G_FMT:
        wanted->fmt.pix = format;
        return 0;
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM:
        rate->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        rate->parm.capture.timeperframe.numerator = 1;
        rate->parm.capture.timeperframe.denominator = 30;
        return 0;
    case VIDIOC_REQBUFS:
        buffers->count = buffers->count > BUFFERS ? BUFFERS : buffers->count;
        queued = 0;
        return 0;
    case VIDIOC_QUERYBUF:
        buffer->length = BUFFER_BYTES;
        buffer->m.offset = buffer->index * BUFFER_BYTES;
        return 0;
    case VIDIOC_QBUF:
        if (queued < BUFFERS) queue[queued++] = (int)buffer->index;
        return 0;
    case VIDIOC_DQBUF:
        return dequeue(buffer);
    case VIDIOC_STREAMON:
        return stream(1);
    case VIDIOC_STREAMOFF:
        return stream(0);
    default:
        return fail(EINVAL);
    }
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
    return REAL(ioctl)(fd, request, argument);
}

#define MAPPING(name, offset_type) \
    void *name(void *at, size_t length, int protection, int flags, int fd, offset_type offset) \
    { \
        if (fd < 0 || fd != handle) return REAL(name)(at, length, protection, flags, fd, offset); \
        memory[offset / BUFFER_BYTES] = \
            REAL(name)(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); \
        return memory[offset / BUFFER_BYTES]; \
    }

MAPPING(mmap, off_t)
MAPPING(mmap64, off64_t)

int close(int fd)
{
    if (fd >= 0 && fd == handle) handle = -1;
    return REAL(close)(fd);
}
