"""AWS services on this machine, played by moto's server."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

REGION = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}


@contextmanager
def aws() -> Iterator[str]:
    """The address of a server that plays KMS and S3; nothing in it is kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_kms_key(address: str, session: Any) -> str:
    """The ARN of a fresh key."""
    kms = session.create_client("kms", region_name=REGION, endpoint_url=address)
    arn: str = kms.create_key()["KeyMetadata"]["Arn"]
    kms.close()
    return arn
