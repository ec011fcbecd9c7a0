"""Credentials from the keys of a Secret: what they mean, what contradicts itself, and that none of it is ever shown."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercare.adapters.credentials import (
    ANONYMOUS,
    KEYS,
    Basic,
    Bearer,
    ClientCertificate,
    Credentials,
    InvalidCredentials,
    credentials_of,
)

PAIR = {"tls.crt": "certificate", "tls.key": "key"}
SHOWN = ClientCertificate("certificate", "key")
MARKER = "m4rk3r"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"username": "op", "password": "pw"}, Credentials(Basic("op", "pw"))),
        ({"username": "op\n", "password": " p w \r\n"}, Credentials(Basic("op", " p w "))),
        ({"token": " abc\n"}, Credentials(Bearer("abc"))),
        (PAIR, Credentials(certificate=SHOWN)),
        ({"token": "abc", **PAIR}, Credentials(Bearer("abc"), SHOWN)),
        ({"username": "op", "password": "pw", **PAIR}, Credentials(Basic("op", "pw"), SHOWN)),
        ({"token": "abc", "ca.crt": "authority", "namespace": "shop"}, Credentials(Bearer("abc"))),
    ],
)
def test_keys_that_make_credentials(keys: Mapping[str, str], expected: Credentials) -> None:
    assert credentials_of(keys) == expected


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "has none of the keys username and password, token, tls.crt and tls.key"),
        ({"ca.crt": "authority", "user": "op"}, "has none of the keys"),
        ({"username": "op"}, "has the key username without password"),
        ({"password": "pw"}, "has the key password without username"),
        ({"tls.crt": "certificate"}, "has the key tls.crt without tls.key"),
        ({"tls.key": "key", "token": "abc"}, "has the key tls.key without tls.crt"),
        ({"username": "op", "password": "pw", "token": "abc"}, "has both token and username"),
        ({"token": " \n"}, "has an empty key token"),
        ({"username": "op", "password": ""}, "has an empty key password"),
        ({"token": "abc def"}, "has a token with spaces"),
        ({"token": "abc\r\nHost: elsewhere"}, "has a token with spaces"),
        ({"token": "äbc"}, "or characters that no token has"),
        ({"username": "o:p", "password": "pw"}, "has a username with a colon"),
        ({"username": "op", "password": "p\nw"}, "control characters"),
    ],
)
def test_keys_that_make_none(keys: Mapping[str, str], says: str) -> None:
    with pytest.raises(InvalidCredentials, match=says):
        credentials_of(keys)


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, "ca.crt"]),
        st.text(max_size=5).map(lambda text: f"{text}{MARKER}{text}") | st.sampled_from(["", "abc"]),
    )
)
def test_nothing_of_a_secret_is_shown_whatever_it_holds(keys: dict[str, str]) -> None:
    shown: list[object] = []
    try:
        found = credentials_of(keys)
        shown = [found, found.authorization, found.certificate]
    except InvalidCredentials as error:
        shown = [error]
    assert MARKER not in " ".join(f"{each!r} {each}" for each in shown)


def test_what_an_endpoint_echoes_is_taken_out() -> None:
    basic = Credentials(Basic("op", "pässword"))
    assert basic.redact(f"sent {basic.header}, that is op:pässword") == "sent Basic ***, that is op:***"
    assert Credentials(Bearer("abc")).redact("invalid token abc") == "invalid token ***"
    assert ANONYMOUS.redact("nothing to hide") == "nothing to hide"
