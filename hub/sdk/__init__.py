"""All that a connector may import: requests and answers, outcomes, and the generic connector behind a manifest.

A connector is a folder with `manifest.yaml`, `mapping/`, `samples/` and a README. Where the manifest would need a
condition, `connector.py` has `def connector(base: Declarative) -> Connector` and puts it around the generic one.
"""

from hub.domain.deliveries import Delivered, Gone, NeedsHuman, Outcome, Refused, Reported, TryLater
from hub.domain.errors import Invalid
from hub.ports.connector import Connector, Endpoint, Exchange, Hook, HookIdentity, Job, Operation
from hub.ports.transport import (
    Attachment,
    ByteSource,
    HttpRequest,
    HttpResponse,
    Joined,
    MailReply,
    MailRequest,
    Request,
    Response,
)
from hub.sdk.declarative import Declarative
from hub.sdk.multipart import FilePart, multipart
from mappings.documents import Document, Json

__all__ = [
    "Attachment",
    "ByteSource",
    "Connector",
    "Declarative",
    "Delivered",
    "Document",
    "Endpoint",
    "Exchange",
    "FilePart",
    "Gone",
    "Hook",
    "HookIdentity",
    "HttpRequest",
    "HttpResponse",
    "Invalid",
    "Job",
    "Joined",
    "Json",
    "MailReply",
    "MailRequest",
    "NeedsHuman",
    "Operation",
    "Outcome",
    "Refused",
    "Reported",
    "Request",
    "Response",
    "TryLater",
    "multipart",
]
