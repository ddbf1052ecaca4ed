"""Whatever stands in a compressed body, decoding it is bounded and ends in bytes or in an error of the sender's."""

from __future__ import annotations

import pytest
from harness.damage import ENCODE
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SenderError
from collector.receive.decompress import ENCODINGS, decompress

MOST = 10_000


def test_every_encoding_is_tried_here() -> None:
    assert set(ENCODE) == set(ENCODINGS)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(data=st.binary(min_size=1, max_size=MOST))
def test_what_was_encoded_comes_out(encoding: str, data: bytes) -> None:
    assert decompress(ENCODE[encoding](data), encoding, MOST) == data


@pytest.mark.parametrize("encoding", ENCODINGS[1:])
@given(
    data=st.builds(lambda one, times: one * times, st.binary(min_size=1, max_size=50), st.integers(1, 2000)),
    at=st.integers(0, 10**6),
    byte=st.integers(0, 255),
    cut=st.booleans(),
)
def test_a_damaged_body_is_the_senders_fault(encoding: str, data: bytes, at: int, byte: int, cut: bool) -> None:
    body = bytearray(ENCODE[encoding](data))
    at %= len(body)
    body[at:] = b"" if cut else bytes([byte]) + body[at + 1 :]
    try:
        out = decompress(bytes(body), encoding, MOST)
    except SenderError:
        return
    assert len(out) <= MOST


@pytest.mark.parametrize("encoding", ENCODINGS[1:])
@given(body=st.binary(max_size=200))
def test_bytes_of_any_kind_are_decoded_or_refused(encoding: str, body: bytes) -> None:
    try:
        assert len(decompress(body, encoding, MOST)) <= MOST
    except SenderError as error:
        assert error.status in (400, 413)
