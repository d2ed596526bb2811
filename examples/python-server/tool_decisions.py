"""Which tool a token opens. The SDK's token verifier does not learn the tool; its middleware does, message by message."""

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_REQUEST
from starlette.responses import JSONResponse
from token_verifier import ToolgateVerifier, Unreachable


def decide_messages(verifier: ToolgateVerifier):
    async def decide(ctx, call_next):
        if ctx.request_id is None:  # a notification
            return await call_next(ctx)
        mcp = await decision_on(ctx)
        if mcp["allowed"] is not True:
            raise MCPError(INVALID_REQUEST, f"insufficient_scope: {mcp['scope']}")
        result = await call_next(ctx)
        if ctx.method == "tools/list":
            result["tools"] = [tool for tool in result["tools"] if tool["name"] in mcp["tools"]]
        return result

    async def decision_on(ctx) -> dict:
        params = ctx.params or {}
        name = params.get("name", params.get("uri"))
        question = {"mcp_method": ctx.method, **({"mcp_name": name} if isinstance(name, str) else {})}
        try:
            # The token of this very message, also where a session was opened with an earlier one.
            answer = await verifier.ask(ctx.request.user.access_token.token, **question)
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
