"""Toolgate's introspection (RFC 7662) as the token verifier of the official Python SDK. Nothing is cached."""

import httpx2
from mcp.server.auth.provider import AccessToken, TokenVerifier


class Unreachable(Exception):
    """The authorization server gave no valid answer. What cannot be decided is not allowed."""


class ToolgateVerifier(TokenVerifier):
    def __init__(self, issuer: str, client_id: str, client_secret: str):
        self.client = httpx2.AsyncClient(base_url=issuer, auth=(client_id, client_secret), timeout=5)

    async def ask(self, token: str, **question: str) -> dict:
        try:
            response = await self.client.post("/introspect", data={"token": token, **question})
            return response.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            raise Unreachable(type(error).__name__) from None

    async def verify_token(self, token: str) -> AccessToken | None:
        answer = await self.ask(token)
        try:
            if answer["active"] is not True:
                return None
            return AccessToken(
                token=token, client_id=answer["client_id"], subject=answer["sub"], scopes=answer["scope"].split(),
                expires_at=int(answer["exp"]), resource=answer["aud"], claims={"iss": answer["iss"]},
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreachable(type(error).__name__) from None
