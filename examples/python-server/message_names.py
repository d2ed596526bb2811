"""What an MCP message touches, by its method: the name that is asked about is the one that the SDK then uses."""

import unicodedata
from collections.abc import Mapping

NAMED_BY = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "resources/subscribe": "uri",
    "resources/unsubscribe": "uri",
}
# They touch nothing that a scope opens. Add a method here only when that is so.
UNNAMED = {
    "initialize", "ping", "server/discover", "logging/setLevel", "tools/list", "prompts/list", "resources/list",
}  # fmt: skip
MAX_NAME_CHARS = 1024


class Undecidable(Exception):
    """The message does not say, in one way only, what it touches."""


def question(method: str, params: Mapping | None) -> dict[str, str]:
    """The parameters of the introspection that decides this request; raises Undecidable for everything else."""
    if method in UNNAMED:
        return {"mcp_method": method}
    if method not in NAMED_BY:
        raise Undecidable(f"{method} is not served here")
    return {"mcp_method": method, "mcp_name": name_in(params, NAMED_BY[method])}


def name_in(params: Mapping | None, member: str) -> str:
    if not isinstance(params, Mapping):
        raise Undecidable(f"{member} is missing")
    for key in params:
        if not is_plain(key) or "\\" in key or (key != member and fold(key) == fold(member)):
            raise Undecidable(f"a member is named almost like {member}")
    name = params.get(member)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS or not is_text(name):
        raise Undecidable(f"{member} must be a short string")
    return name


def is_plain(key: str) -> bool:
    return key.isascii() and key.isprintable()


def is_text(name: str) -> bool:
    """Control characters and lone surrogates change on their way through a form."""
    return not any(unicodedata.category(char) in ("Cc", "Cs") for char in name)


def fold(key: str) -> str:
    return "".join(char for char in key.lower() if char.isalnum())
