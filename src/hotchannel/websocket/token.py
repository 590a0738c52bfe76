"""The secret in the socket's URL.

Role: compare a presented token with the server's, and find it in a query. Pure: the random bytes
of a new token are passed in. Follows protocol.md section 2; stock Vite since 6.0.9 (CVE-2025-24010).
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from urllib.parse import unquote_to_bytes

__all__ = ["TOKEN_BYTES", "encode_token", "query_parameter", "token_matches"]

TOKEN_BYTES = 9
"""Random bytes in a token: 12 characters of base64url, without padding."""


def encode_token(random: bytes) -> str:
    """The token that `TOKEN_BYTES` random bytes make."""
    return urlsafe_b64encode(random).decode("ascii")


def query_parameter(query: str, name: bytes) -> bytes | None:
    """The first value of `name` in a raw query, percent-decoded; None where it is not there.

    Names are compared after decoding, and by case. A `+` stays a plus: tokens hold no spaces.
    """
    for field in query.split("&"):
        key, _, value = field.partition("=")
        if (unquote_to_bytes(key) if "%" in key else key.encode()) == name:
            return unquote_to_bytes(value)
    return None


def token_matches(presented: bytes | None, token: str) -> bool:
    """Whether the presented bytes are the token; takes the same time however much of it is right.

    Missing and empty are never right, not even where the server's token is empty.
    """
    return bool(presented) and hmac.compare_digest(presented or b"", token.encode("utf-8", "surrogateescape"))
