"""A small notes server on the official Python SDK, protected by Toolgate."""

import os
from collections import defaultdict

import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings
from mcp_types import ToolAnnotations
from token_verifier import ToolgateVerifier
from tool_decisions import AnswerUnreachable, decide_messages

PORT = int(os.environ.get("NOTES_PORT", "4001"))
ISSUER = os.environ.get("NOTES_ISSUER", "http://localhost:4000")
RESOURCE = os.environ.get("NOTES_RESOURCE", f"http://localhost:{PORT}/mcp")

verifier = ToolgateVerifier(ISSUER, os.environ["NOTES_CLIENT_ID"], os.environ["NOTES_CLIENT_SECRET"])
mcp = MCPServer(
    "notes",
    token_verifier=verifier,
    middleware=[decide_messages(verifier)],
    auth=AuthSettings(
        issuer_url=ISSUER,
        resource_server_url=RESOURCE,
        required_scopes=["notes:read"],
        # A token for another MCP server is refused.
        validate_token_resource=True,
    ),
)
notebooks: dict[str, list[str]] = defaultdict(list)


def notebook() -> list[str]:
    return notebooks[get_access_token().subject]


@mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
def search_notes(query: str) -> list[str]:
    """Find notes that contain the query"""
    return [note for note in notebook() if query.lower() in note.lower()]


@mcp.tool(annotations=ToolAnnotations(destructive_hint=False))
def create_note(title: str, text: str) -> str:
    """Write a new note"""
    notebook().append(f"{title}: {text}")
    return f"kept as note {len(notebook())}"


@mcp.tool(annotations=ToolAnnotations(destructive_hint=True))
def delete_note(id: str) -> str:
    """Delete a note for good"""
    del notebook()[int(id) - 1]
    return f"deleted note {id}"


app = mcp.streamable_http_app()
app.add_middleware(AnswerUnreachable)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="info")
