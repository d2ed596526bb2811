"""Which tool a token opens. The SDK's token verifier does not learn the tool; its middleware does, message by message."""

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, INVALID_REQUEST
from message_names import Undecidable, question
from starlette.responses import JSONResponse
from token_verifier import ToolgateVerifier, Unreachable

# What a list holds no more of than the token opens. Of resources, only those whose URI the catalogue names exactly.
LISTS = {"tools/list": ("tools", "name"), "prompts/list": ("prompts", "name"), "resources/list": ("resources", "uri")}


def decide_messages(verifier: ToolgateVerifier):
    async def decide(ctx, call_next):
        if ctx.request_id is None and ctx.method.startswith("notifications/"):
            return await call_next(ctx)
        mcp = await decision_on(ctx)
        if mcp["allowed"] is not True:
            raise MCPError(INVALID_REQUEST, f"insufficient_scope: {mcp['scope']}")
        result = await call_next(ctx)
        if ctx.method in LISTS:
            kind, named_by = LISTS[ctx.method]
            result[kind] = [thing for thing in result[kind] if thing[named_by] in mcp[kind]]
        return result

    async def decision_on(ctx) -> dict:
        try:
            # The token of this very message, also where a session was opened with an earlier one.
            token = ctx.request.user.access_token.token
            answer = await verifier.ask(token, **question(ctx.method, ctx.params))
        except Undecidable as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        except Unreachable:
            raise MCPError(INVALID_REQUEST, "the authorization server cannot be reached") from None
        if answer.get("active") is not True or "mcp" not in answer:
            raise MCPError(INVALID_REQUEST, "the token is not valid any more")
        return answer["mcp"]

    return decide


class AnswerUnreachable:
    """ASGI: 503 in place of 401 while nobody can be asked, so that clients keep their tokens and come back."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        try:
            await self.app(scope, receive, send)
        except Unreachable:
            error = {"error": "temporarily_unavailable"}
            await JSONResponse(error, 503, {"Retry-After": "5"})(scope, receive, send)
