"""What ``linux/videodev2.h`` lays down: structures, requests, flags. 64-bit machines only, as all of Livegate."""

from __future__ import annotations

from ctypes import (
    Structure,
    Union,
    c_char,
    c_int,
    c_int32,
    c_int64,
    c_long,
    c_uint8,
    c_uint32,
    c_uint64,
)

from livegate_drivers.ioctl import Way, code


class Capability(Structure):
    """What a device is and can do."""

    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FormatDescription(Structure):
    """One pixel format a device has."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FrameSize(Structure):
    """One size of a format: ``numbers`` are width, height, or least, most and step of both."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("numbers", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    )


class FrameInterval(Structure):
    """One pace of a size: ``numbers`` are the fraction of a second, or least, most and step."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("numbers", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    )


class PixelFormat(Structure):
    """How a picture lies in memory."""

    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixelformat", c_uint32),
        ("field", c_uint32),
        ("bytesperline", c_uint32),
        ("sizeimage", c_uint32),
        ("colorspace", c_uint32),
        ("priv", c_uint32),
        ("flags", c_uint32),
        ("encoding", c_uint32),
        ("quantization", c_uint32),
        ("xfer_func", c_uint32),
    )


class _FormatUnion(Union):
    # The pointers in its other members align it to 8.
    _fields_ = (("pix", PixelFormat), ("raw", c_uint8 * 200), ("align", c_uint64))


class Format(Structure):
    """The format to take or taken."""

    _fields_ = (("type", c_uint32), ("fmt", _FormatUnion))


class StreamParameters(Structure):
    """The pace to take or taken, for capture."""

    _fields_ = (
        ("type", c_uint32),
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("numerator", c_uint32),
        ("denominator", c_uint32),
        ("rest", c_uint8 * 184),
    )


class RequestBuffers(Structure):
    """How many buffers there shall be."""

    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class Buffer(Structure):
    """One buffer, empty or filled."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("seconds", c_long),
        ("microseconds", c_long),
        ("timecode", c_uint8 * 16),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        # A union whose other members are pointers.
        ("offset", c_uint32),
        ("unused", c_uint32),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request", c_int32),
    )


class QueryExtendedControl(Structure):
    """One control and its bounds."""

    _fields_ = (
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int64),
        ("maximum", c_int64),
        ("step", c_uint64),
        ("default", c_int64),
        ("flags", c_uint32),
        ("elem_size", c_uint32),
        ("elems", c_uint32),
        ("nr_of_dims", c_uint32),
        ("dims", c_uint32 * 4),
        ("reserved", c_uint32 * 32),
    )


class QueryControl(Structure):
    """One control and its bounds, as older drivers tell it."""

    _fields_ = (
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int32),
        ("maximum", c_int32),
        ("step", c_int32),
        ("default", c_int32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 2),
    )


class Control(Structure):
    """The value of one control."""

    _fields_ = (("id", c_uint32), ("value", c_int32))


QUERYCAP = code(Way.READ, "V", 0, Capability)
ENUM_FMT = code(Way.READ | Way.WRITE, "V", 2, FormatDescription)
S_FMT = code(Way.READ | Way.WRITE, "V", 5, Format)
REQBUFS = code(Way.READ | Way.WRITE, "V", 8, RequestBuffers)
QUERYBUF = code(Way.READ | Way.WRITE, "V", 9, Buffer)
QBUF = code(Way.READ | Way.WRITE, "V", 15, Buffer)
DQBUF = code(Way.READ | Way.WRITE, "V", 17, Buffer)
STREAMON = code(Way.WRITE, "V", 18, c_int)
STREAMOFF = code(Way.WRITE, "V", 19, c_int)
S_PARM = code(Way.READ | Way.WRITE, "V", 22, StreamParameters)
G_CTRL = code(Way.READ | Way.WRITE, "V", 27, Control)
S_CTRL = code(Way.READ | Way.WRITE, "V", 28, Control)
QUERYCTRL = code(Way.READ | Way.WRITE, "V", 36, QueryControl)
ENUM_FRAMESIZES = code(Way.READ | Way.WRITE, "V", 74, FrameSize)
ENUM_FRAMEINTERVALS = code(Way.READ | Way.WRITE, "V", 75, FrameInterval)
QUERY_EXT_CTRL = code(Way.READ | Way.WRITE, "V", 103, QueryExtendedControl)

TYPE_VIDEO_CAPTURE = 1
MEMORY_MMAP = 1
FIELD_NONE = 1
DISCRETE = 1

CAP_VIDEO_CAPTURE = 0x1
CAP_VIDEO_CAPTURE_MPLANE = 0x1000
CAP_META_CAPTURE = 0x00800000
CAP_STREAMING = 0x04000000
CAP_DEVICE_CAPS = 0x80000000

BUF_FLAG_ERROR = 0x40
BUF_FLAG_TIMESTAMP_MASK = 0xE000
BUF_FLAG_TIMESTAMP_MONOTONIC = 0x2000

CTRL_FLAG_DISABLED = 0x1
CTRL_FLAG_READ_ONLY = 0x4
CTRL_FLAG_WRITE_ONLY = 0x40
CTRL_FLAG_VOLATILE = 0x80
CTRL_FLAG_NEXT = 0x80000000

CID_AUTOGAIN = 0x00980912
CID_GAIN = 0x00980913
CID_EXPOSURE_AUTO = 0x009A0901
CID_EXPOSURE_ABSOLUTE = 0x009A0902
EXPOSURE_MANUAL = 1
