"""A faithful twin of HashiCorp Vault's transit engine, as far as the hub speaks to it.

Built from the published API (developer.hashicorp.com/vault/api-docs/secret/transit): paths, fields, status codes, the form
of ciphertexts, `associated_data`, `min_decryption_version`. It is no Vault: nothing in it is kept.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass
class Transit:
    """The engine. `sealed`: it answers 503 as a sealed Vault does; `token`: the one it takes."""

    address: str
    token: str = "test-token"
    sealed: bool = False
    calls: int = 0
    keys: dict[str, list[bytes]] = field(default_factory=dict)
    oldest: dict[str, int] = field(default_factory=dict)

    def answer(self, method: str, path: str, token: str, asked: dict[str, str]) -> tuple[int, dict[str, object] | None]:
        self.calls += 1
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if token != self.token:
            return 403, {"errors": ["permission denied"]}
        parts = path.removeprefix("/v1/").split("/")
        if parts[0] != "transit" or len(parts) < 3 or parts[2] not in self.keys:
            return 404 if parts[0] != "transit" or parts[1] == "keys" else 400, {"errors": ["no handler or key"]}
        versions, oldest = self.keys[parts[2]], self.oldest.get(parts[2], 1)
        match method, parts[1], parts[3:]:
            case "GET", "keys", []:
                names = {str(n): 0 for n in range(oldest, len(versions) + 1)}
                about = {"latest_version": len(versions), "min_decryption_version": oldest, "keys": names}
                return 200, {"data": {"type": "aes256-gcm96", "name": parts[2], **about}}
            case "POST", "keys", ["rotate"]:
                versions.append(os.urandom(32))
                return 204, None
            case "POST", "encrypt", []:
                nonce, bound = os.urandom(12), base64.b64decode(asked.get("associated_data", ""))
                sealed = nonce + AESGCM(versions[-1]).encrypt(nonce, base64.b64decode(asked["plaintext"]), bound)
                text = f"vault:v{len(versions)}:{base64.b64encode(sealed).decode()}"
                return 200, {"data": {"ciphertext": text, "key_version": len(versions)}}
            case "POST", "decrypt", []:
                return self._decrypt(versions, oldest, asked)
        return 404, {"errors": ["unsupported path"]}

    def _decrypt(self, versions: list[bytes], oldest: int, asked: dict[str, str]) -> tuple[int, dict[str, object]]:
        head, version, text = (*asked["ciphertext"].split(":", 2), "", "")[:3]
        if head != "vault" or not version.startswith("v") or not version[1:].isdigit():
            return 400, {"errors": ["invalid ciphertext: no prefix"]}
        number = int(version[1:])
        if not oldest <= number <= len(versions):
            return 400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}
        try:
            sealed = base64.b64decode(text, validate=True)
            bound = base64.b64decode(asked.get("associated_data", ""))
            plain = AESGCM(versions[number - 1]).decrypt(sealed[:12], sealed[12:], bound)
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


@contextmanager
def transit() -> Iterator[Transit]:
    """The twin on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.speak()

        def do_POST(self) -> None:
            self.speak()

        def speak(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            asked = json.loads(self.rfile.read(size) or b"{}")
            status, told = engine.answer(self.command, self.path, self.headers.get("X-Vault-Token", ""), asked)
            body = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    engine = Transit(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
