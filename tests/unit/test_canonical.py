from __future__ import annotations

import json
import struct
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.events.canonical import canonical
from livegate.types import Outcome

# RFC 8785, appendix B: IEEE 754 bits and what ECMAScript writes for them.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_of_the_rfc(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == text.encode()


def test_sorting_example_of_the_rfc() -> None:
    # RFC 8785, 3.2.3: the emoji (a surrogate pair) comes before U+FB33, which code points would put first.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    value = dict.fromkeys(names, 0)
    ordered = list(json.loads(canonical(value)))
    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_object_example_of_the_rfc() -> None:
    # RFC 8785, 3.2.2 and 3.2.3
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert (
        canonical(value)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_enums_are_their_text_and_integers_stay_whole() -> None:
    assert canonical([Outcome.GRANTED, 2**53 - 1, -5, True]) == b'["granted",9007199254740991,-5,true]'


def test_an_integer_beyond_doubles_is_written_as_its_nearest_double() -> None:
    assert canonical(2**53 + 1) == b"9007199254740992"
    written = canonical(2**60)
    assert written == b"1152921504606847000"
    assert canonical(json.loads(written)) == written


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400, "\ud800", {"\udfff": 1}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"canonical JSON|surrogates"):
        canonical(value)


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {"a": {1, 2}}, object()])
def test_what_is_no_json_type_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="canonical JSON"):
        canonical(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_reading_gives_the_value_back_and_writing_it_again_the_same_bytes(value: object) -> None:
    written = canonical(value)
    # Every JSON number is a double; Python alone would read a long one without a point as an exact integer.
    assert json.loads(written, parse_int=float) == value
    assert canonical(json.loads(written)) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_reads_back_as_itself(value: float) -> None:
    assert float(canonical(value)) == value


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


def odd(value: object) -> object:
    """Return ``value`` made of types that equal the plain ones and that none of the short ways is for."""
    if isinstance(value, str):
        return Text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return Whole(value)
    if isinstance(value, float):
        return Real(value)
    if isinstance(value, list):
        return UserTuple(odd(item) for item in value)
    assert isinstance(value, dict)
    return MappingProxyType({Text(key): odd(item) for key, item in value.items()})


class UserTuple(tuple[object, ...]):
    __slots__ = ()


@given(JSON)
def test_plain_values_are_written_like_any_others_only_faster(value: object) -> None:
    assert canonical(value) == canonical(odd(value))
