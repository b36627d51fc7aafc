/* A GPIO chip without kernel module, for LD_PRELOAD: the character device's version 2 interface.
 *
 * The file named by GPIO_SHIM_DEVICE is the chip; once it is deleted the chip is gone. It has 28 lines, GPIO0 to GPIO27,
 * of which "hog" uses GPIO5. What happens to a line is added to GPIO_SHIM_DEVICE.lines: "17 output 0", "17 1" (the level
 * at the pin), "17 released". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINES = 28, HOGGED = 5 };

static int chip = -1, held = -1;
static uint32_t held_line;
static uint64_t held_flags;

static const char *device(void) { const char *name = getenv("GPIO_SHIM_DEVICE"); return name ? name : ""; }

static int fail(int error) { errno = error; return -1; }

static void tell(const char *what)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.lines", device());
    FILE *file = fopen(path, "a");
    if (!file) return;
    fprintf(file, "%u %s\n", held_line, what);
    fclose(file);
}

static int level(int value) { return held_flags & GPIO_V2_LINE_FLAG_ACTIVE_LOW ? !value : value; }

static int shim_open(void)
{
    if (access(device(), F_OK)) return fail(ENOENT);
    chip = memfd_create("gpiochip", MFD_CLOEXEC);
    return chip;
}

static int describe(struct gpio_v2_line_info *info)
{
    uint32_t offset = info->offset;
    if (offset >= LINES) return fail(EINVAL);
    memset(info, 0, sizeof *info);
    info->offset = offset;
    snprintf(info->name, sizeof info->name, "GPIO%u", offset);
    if (offset == HOGGED) strcpy(info->consumer, "hog");
    return 0;
}

static int take(struct gpio_v2_line_request *request)
{
    if (request->num_lines != 1 || request->offsets[0] >= LINES) return fail(EINVAL);
    if (request->offsets[0] == HOGGED || held >= 0) return fail(EBUSY);
    if (!(request->config.flags & GPIO_V2_LINE_FLAG_OUTPUT) || request->config.num_attrs) return fail(EINVAL);
    held = memfd_create("gpioline", MFD_CLOEXEC);
    held_line = request->offsets[0];
    held_flags = request->config.flags;
    request->fd = held;
    tell(level(0) ? "output 1" : "output 0");
    return 0;
}

static int chip_ioctl(unsigned long request, void *argument)
{
    struct gpiochip_info *info = argument;
    switch (request) {
    case GPIO_GET_CHIPINFO_IOCTL:
        memset(info, 0, sizeof *info);
        strcpy(info->name, "gpiochip9");
        strcpy(info->label, "shim");
        info->lines = LINES;
        return 0;
    case GPIO_V2_GET_LINEINFO_IOCTL: return describe(argument);
    case GPIO_V2_GET_LINE_IOCTL: return take(argument);
    default: return fail(ENOTTY);
    }
}

static int line_ioctl(unsigned long request, struct gpio_v2_line_values *values)
{
    if (request != GPIO_V2_LINE_SET_VALUES_IOCTL) return fail(ENOTTY);
    if (access(device(), F_OK)) return fail(ENODEV);
    if (values->mask != 1) return fail(EINVAL);
    tell(level((int)(values->bits & 1)) ? "1" : "0");
    return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPENING(name) \
    int name(const char *path, int flags, ...) \
    { \
        mode_t mode = 0; \
        va_list rest; \
        va_start(rest, flags); \
        if (flags & (O_CREAT | __O_TMPFILE)) mode = va_arg(rest, mode_t); \
        va_end(rest); \
        /* Others look at the file itself, and wait for it. */ \
        if (!strcmp(path, device()) && (flags & O_NONBLOCK)) return shim_open(); \
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
    if (fd >= 0 && fd == chip) return chip_ioctl(request, argument);
    if (fd >= 0 && fd == held) return line_ioctl(request, argument);
    return REAL(ioctl)(fd, request, argument);
}

int close(int fd)
{
    if (fd >= 0 && fd == chip) chip = -1;
    if (fd >= 0 && fd == held) {
        tell("released");
        held = -1;
    }
    return REAL(close)(fd);
}
