/* The controls of the stand-in of v4l2_shim.c, which keep their values while the process lives. */

static struct { uint32_t id, type; const char *name; int least, most, step, standard, flags, value; } controls[] = {
    {V4L2_CID_BRIGHTNESS, V4L2_CTRL_TYPE_INTEGER, "Brightness", -64, 64, 1, 0, 0, 0},
    {V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, "White Balance, Automatic", 0, 1, 1, 1, 0, 1},
    {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, "Gain", 16, 248, 8, 16, 0, 64},
    {V4L2_CID_PRIVACY, V4L2_CTRL_TYPE_BOOLEAN, "Privacy", 0, 1, 1, 0, V4L2_CTRL_FLAG_READ_ONLY, 0},
    {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, "Auto Exposure", 0, 3, 1, 3, 0, 3},
    {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute", 1, 5000, 1, 157, 0, 157},
};

/* The control of this number, or with NEXT_CTRL the one after it; -1 where there is none. */
static int find_control(uint32_t id)
{
    int best = -1;
    uint32_t bare = id & 0x0FFFFFFF;
    for (int i = 0; i < (int)COUNT(controls); i++)
        if (id & V4L2_CTRL_FLAG_NEXT_CTRL ? controls[i].id > bare && (best < 0 || controls[i].id < controls[best].id)
                                          : controls[i].id == bare)
            best = i;
    return best;
}

#define DESCRIBE(query, i) do { \
        memset(query, 0, sizeof *(query)); \
        (query)->id = controls[i].id; \
        (query)->type = controls[i].type; \
        strcpy((char *)(query)->name, controls[i].name); \
        (query)->minimum = controls[i].least; \
        (query)->maximum = controls[i].most; \
        (query)->step = (uint32_t)controls[i].step; \
        (query)->default_value = controls[i].standard; \
        (query)->flags = (uint32_t)controls[i].flags; \
    } while (0)

static int describe(struct v4l2_query_ext_ctrl *query, int old)
{
    int i = find_control(query->id);
    if (i < 0 && oddity("endless") >= 0) i = 0;
    if (i < 0) return fail(EINVAL);
    if (old) DESCRIBE((struct v4l2_queryctrl *)query, i);
    else DESCRIBE(query, i);
    return 0;
}

static int set_control(struct v4l2_control *wanted)
{
    char line[96];
    int i = find_control(wanted->id);
    if (i < 0) return fail(EINVAL);
    if (controls[i].flags & V4L2_CTRL_FLAG_READ_ONLY) return fail(EACCES);
    /* As uvcvideo does while exposure is automatic. */
    if (controls[i].id == V4L2_CID_EXPOSURE_ABSOLUTE && controls[find_control(V4L2_CID_EXPOSURE_AUTO)].value != 1)
        return fail(EIO);
    if (oddity("stubborn") < 0) controls[i].value = wanted->value;
    snprintf(line, sizeof line, "%s %d", controls[i].name, wanted->value);
    append("controls", line);
    return 0;
}

static int get_control(struct v4l2_control *asked)
{
    int i = find_control(asked->id);
    if (i < 0) return fail(EINVAL);
    asked->value = controls[i].value;
    if (asked->id == V4L2_CID_EXPOSURE_ABSOLUTE && controls[find_control(V4L2_CID_EXPOSURE_AUTO)].value != 1
        && oddity("meters") >= 0)
        asked->value = (int)oddity("meters");
    return 0;
}
