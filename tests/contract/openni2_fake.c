/* libOpenNI2 without devices: the functions of OniCAPI.h that the driver calls, over files.
 *
 * A device's address is a file; once it is deleted the device is unplugged. Its text is the frame period in
 * milliseconds, then what is odd about the device, read again at every call:
 *   serial=TEXT      its serial number
 *   format=N         every stream comes as OniPixelFormat N
 *   padding=N        lines are followed by N bytes of 0xEE
 *   short            frames have half their bytes
 *   no_fov           it does not tell its angles of view
 *   no_registration  it cannot lay depth on colour
 *   one_light        colour and infrared cannot stream together
 *   broken           waiting for frames fails
 * The devices on the bus are those named by the lines of the file OPENNI2_FAKE_LIST, as far as they are there.
 * fake_open and fake_held count open devices and frames not released; misuse aborts. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, ERROR = 1, NO_DEVICE = 6, TIME_OUT = 102, IR = 1, COLOR = 2, DEPTH = 3, WIDTH = 64, HEIGHT = 48 };
typedef struct { int format, width, height, fps; } Mode;
typedef struct { char uri[256], vendor[256], name[256]; uint16_t usb_vendor, usb_product; } DeviceInfo;
typedef struct { int sensor, count; Mode *modes; } SensorInfo;
typedef struct {
  int size; void *data; int sensor; uint64_t timestamp; int index, width, height;
  Mode mode; int cropped, crop_x, crop_y, stride;
} Frame;
typedef struct { char path[256]; int registered; SensorInfo sensors[4]; Mode modes[4][2]; } Device;
typedef struct { Device *device; int sensor, started, mirrored; Mode mode; int64_t began_ns, given; } Stream;

static int initialised, open_devices, held_frames, lights;
static char last_error[300];
int fake_open(void) { return open_devices; }
int fake_held(void) { return held_frames; }

static int fail(int status, const char *text) { snprintf(last_error, sizeof last_error, "\t%s\n", text); return status; }
const char *oniGetExtendedError(void) { return last_error; }

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Returns the device's text, NULL once it is gone. */
static const char *text_of(const char *path) {
  static _Thread_local char text[512];
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  return text;
}

static int is(const Device *device, const char *oddity) {
  const char *text = text_of(device->path);
  return text && strstr(text, oddity);
}

static int number(const Device *device, const char *key, int standard) {
  const char *text = text_of(device->path), *found = text ? strstr(text, key) : NULL;
  return found ? atoi(found + strlen(key)) : standard;
}

int oniInitialize(int version) {
  assert(version == 2002);
  initialised = 1;
  return OK;
}

int oniGetDeviceList(DeviceInfo **devices, int *count) {
  assert(initialised);
  *devices = calloc(8, sizeof **devices);
  *count = 0;
  FILE *list = getenv("OPENNI2_FAKE_LIST") ? fopen(getenv("OPENNI2_FAKE_LIST"), "r") : NULL;
  char line[256];
  while (list && *count < 8 && fgets(line, sizeof line, list)) {
    line[strcspn(line, "\n")] = 0;
    if (access(line, F_OK) == 0) strcpy((*devices)[(*count)++].uri, line);
  }
  if (list) fclose(list);
  return OK;
}

int oniReleaseDeviceList(DeviceInfo *devices) { free(devices); return OK; }

int oniDeviceOpen(const char *uri, Device **opened) {
  assert(initialised && uri);
  if (!text_of(uri)) return fail(NO_DEVICE, "DeviceOpen: no such device");
  Device *device = calloc(1, sizeof *device);
  snprintf(device->path, sizeof device->path, "%s", uri);
  const int formats[4][2] = {{0, 0}, {203, 202}, {204, 200}, {101, 100}};
  int fps = 1000 / (number(device, "", 33) > 0 ? number(device, "", 33) : 33);
  for (int sensor = IR; sensor <= DEPTH; sensor++) {
    device->sensors[sensor] = (SensorInfo){sensor, 2, device->modes[sensor]};
    for (int mode = 0; mode < 2; mode++)
      device->modes[sensor][mode] =
          (Mode){number(device, "format=", formats[sensor][mode]), mode ? WIDTH : WIDTH / 2, mode ? HEIGHT : HEIGHT / 2, fps};
  }
  open_devices++;
  *opened = device;
  return OK;
}

int oniDeviceClose(Device *device) { open_devices--; free(device); return OK; }
const SensorInfo *oniDeviceGetSensorInfo(Device *device, int sensor) { return &device->sensors[sensor]; }
int oniDeviceIsImageRegistrationModeSupported(Device *device, int mode) { return mode == 1 && !is(device, "no_registration"); }

int oniDeviceSetProperty(Device *device, int property, const void *data, int size) {
  assert(property == 5 && size == sizeof(int));
  device->registered = *(const int *)data;
  return OK;
}

int oniDeviceGetProperty(Device *device, int property, void *data, int *size) {
  const char *text = text_of(device->path), *serial = text ? strstr(text, "serial=") : NULL;
  if (property != 3 || !serial) return fail(ERROR, "no such property");
  snprintf(data, (size_t)*size, "%.*s", (int)strcspn(serial + 7, " \n"), serial + 7);
  return OK;
}

int oniDeviceCreateStream(Device *device, int sensor, Stream **created) {
  Stream *stream = calloc(1, sizeof *stream);
  *stream = (Stream){device, sensor, 0, 1, device->modes[sensor][0], 0, 0};
  *created = stream;
  return OK;
}

void oniStreamDestroy(Stream *stream) { assert(!stream->started); free(stream); }

int oniStreamStart(Stream *stream) {
  assert(!stream->started);
  if (stream->sensor != DEPTH && is(stream->device, "one_light") && lights) return fail(ERROR, "only one of IR and color");
  assert(!stream->mirrored);
  lights += stream->sensor != DEPTH;
  stream->started = 1;
  stream->began_ns = now_ns();
  stream->given = 0;
  return OK;
}

void oniStreamStop(Stream *stream) { lights -= stream->started && stream->sensor != DEPTH; stream->started = 0; }
int oniStreamIsPropertySupported(Stream *stream, int property) { (void)stream; return property == 7; }

int oniStreamSetProperty(Stream *stream, int property, const void *data, int size) {
  if (property == 7) { stream->mirrored = *(const int *)data; return OK; }
  assert(property == 3 && size == sizeof(Mode) && !stream->started);
  stream->mode = *(const Mode *)data;
  return OK;
}

int oniStreamGetProperty(Stream *stream, int property, void *data, int *size) {
  if (property == 3 && *size == sizeof(Mode)) { *(Mode *)data = stream->mode; return OK; }
  if ((property == 1 || property == 2) && !is(stream->device, "no_fov")) { *(float *)data = property == 1 ? 1.0f : 0.8f; return OK; }
  return fail(ERROR, "no such property");
}

static int64_t period_ns(const Stream *stream) { return number(stream->device, "", 33) * 1000000LL; }
static int64_t taken(const Stream *stream) { return (now_ns() - stream->began_ns) / period_ns(stream); }

int oniWaitForAnyStream(Stream **streams, int count, int *index, int timeout_ms) {
  for (int64_t end = now_ns() + timeout_ms * 1000000LL;;) {
    for (int i = 0; i < count; i++) {
      assert(streams[i]->started);
      if (is(streams[i]->device, "broken")) return fail(ERROR, "the device does not answer");
      if (text_of(streams[i]->device->path) && taken(streams[i]) > streams[i]->given) { *index = i; return OK; }
    }
    if (now_ns() >= end) return TIME_OUT;
    usleep(500);
  }
}

/* One pixel of frame `index`, in each format. */
static void paint(unsigned char *at, int format, int x, int index) {
  uint16_t tenths = (uint16_t)(10 * (500 + index) + x % 10), wide = (uint16_t)(x * 16 + index % 16);
  switch (format) {
    case 100: tenths = (uint16_t)(500 + index); memcpy(at, &tenths, 2); break;
    case 101: memcpy(at, &tenths, 2); break;
    case 200: at[0] = 250, at[1] = (unsigned char)index, at[2] = 5; break;
    case 201: at[0] = 128, at[1] = (unsigned char)(x + index); break;
    case 202: at[0] = (unsigned char)(x + index); break;
    case 203: memcpy(at, &wide, 2); break;
    case 205: at[0] = (unsigned char)(x + index), at[1] = 128; break;
    default: at[0] = 0xEE;
  }
}

int oniStreamReadFrame(Stream *stream, Frame **read) {
  Frame *frame = calloc(1, sizeof *frame);
  int format = stream->mode.format, bytes = format == 200 ? 3 : format == 202 || format == 204 ? 1 : 2;
  stream->given = taken(stream);
  frame->index = (int)stream->given;
  frame->timestamp = 5000000u + (uint64_t)(stream->given * period_ns(stream) / 1000);
  frame->sensor = stream->sensor, frame->mode = stream->mode;
  frame->width = stream->mode.width, frame->height = stream->mode.height;
  frame->stride = frame->width * bytes + number(stream->device, "padding=", 0);
  frame->size = frame->stride * frame->height / (is(stream->device, "short") ? 2 : 1);
  frame->data = malloc((size_t)(frame->stride * frame->height));
  memset(frame->data, 0xEE, (size_t)(frame->stride * frame->height));
  for (int y = 0; y < frame->height; y++)
    for (int x = 0; x < frame->width; x++)
      paint((unsigned char *)frame->data + y * frame->stride + x * bytes, format, x, frame->index);
  held_frames++;
  *read = frame;
  return OK;
}

void oniFrameRelease(Frame *frame) { held_frames--; free(frame->data); free(frame); }
