"""Behaves like rpicam-vid as far as its documentation goes: writes planar YUV 4:2:0 to stdout at the pace asked for."""

import argparse
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("camera", "timeout", "width", "height", "shutter"):
        parser.add_argument(f"--{name}", type=int, default=0)
    for name in ("framerate", "gain"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--codec", choices=("yuv420",), required=True)
    parser.add_argument("--output", choices=("-",), required=True)
    parser.add_argument("--verbose", type=int)
    parser.add_argument("--nopreview", action="store_true")
    parser.add_argument("--flush", action="store_true")
    given = parser.parse_args()
    if given.camera > 0:
        sys.stderr.write("ERROR: *** no cameras available ***\n")
        return 255
    number, began_s = 0, time.monotonic()
    while True:
        luma = bytes([16 + number % 200]) * (given.width * given.height)
        chroma = b"\x80" * (given.width * given.height // 4)
        sys.stdout.buffer.write(luma + chroma + b"\xf0" * len(chroma))
        sys.stdout.buffer.flush()
        number += 1
        time.sleep(max(0.0, began_s + number / given.framerate - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
