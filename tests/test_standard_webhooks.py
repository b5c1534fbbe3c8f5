import base64
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from receiver import Received

from posesim_server.background.standard_webhooks import new_secret, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
AT = datetime.fromtimestamp(1614265330.9, UTC)


def test_a_message_is_signed_as_in_the_specifications_example():
    headers = signed_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, '{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_accepts_what_its_secret_signed_and_nothing_else():
    secret, body = new_secret(), '{"name": "Zoë"}'
    headers = signed_headers(secret, "1", AT, body)
    Received(headers, body).verify(secret)
    for forged in (
        Received(headers, body + " "),
        Received(headers | {"webhook-id": "2"}, body),
        Received(headers | {"webhook-timestamp": "1614265331"}, body),
    ):
        with pytest.raises(InvalidSignature):
            forged.verify(secret)


def test_a_secret_is_long_and_never_the_same():
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) >= 24
