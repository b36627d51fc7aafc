/* What the stand-in of v4l2_shim.c draws: of every format, each pixel known from its place and the picture's number. */

static uint32_t draw_16(unsigned char *into, uint32_t line, unsigned mask, uint32_t number)
{
    for (uint32_t y = 0; y < format.height; y++)
        for (uint32_t x = 0; x < format.width; x++) {
            unsigned value = (x * 37 + y * 101 + number * 1009) & mask;
            into[y * line + x * 2] = (unsigned char)value;
            into[y * line + x * 2 + 1] = (unsigned char)(value >> 8);
        }
    return format.height * line;
}

/* One of 8 bits: brightness at `first` of every `step` bytes; the other is red and blue by turns, 100 and 160. */
static uint32_t draw_8(unsigned char *into, uint32_t line, uint32_t step, uint32_t first, uint32_t number)
{
    for (uint32_t y = 0; y < format.height; y++)
        for (uint32_t x = 0; x < format.width; x++) {
            unsigned char *pixel = into + y * line + x * step;
            pixel[first] = (unsigned char)(40 + (x + y + number * 8) % 160);
            if (step == 2) pixel[1 - first] = x % 2 ? 160 : 100;
        }
    if (format.pixelformat != V4L2_PIX_FMT_NV12) return format.height * line;
    for (uint32_t y = format.height; y < format.height * 3 / 2; y++)
        for (uint32_t x = 0; x < format.width; x++) into[y * line + x] = x % 2 ? 160 : 100;
    return format.height * 3 / 2 * line;
}

static uint32_t draw(unsigned char *into, uint32_t number)
{
    uint32_t line = format.bytesperline > bytes_of_line() ? format.bytesperline : bytes_of_line();
    memset(into, 0xEE, BUFFER_BYTES);
    switch (format.pixelformat) {
    case V4L2_PIX_FMT_MJPEG: {
        int got = read_file(getenv("V4L2_SHIM_JPEG"), into, (int)format.sizeimage);
        return got < 0 ? 0 : (uint32_t)got;
    }
    case V4L2_PIX_FMT_GREY:
    case V4L2_PIX_FMT_NV12: return draw_8(into, line, 1, 0, number);
    case V4L2_PIX_FMT_YUYV: return draw_8(into, line, 2, 0, number);
    case V4L2_PIX_FMT_UYVY: return draw_8(into, line, 2, 1, number);
    case V4L2_PIX_FMT_Y10: return draw_16(into, line, 0x3FF, number);
    case V4L2_PIX_FMT_Y12: return draw_16(into, line, 0xFFF, number);
    default: return draw_16(into, line, 0xFFFF, number);
    }
}
