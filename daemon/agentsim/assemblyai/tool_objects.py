"""The `tools` array of the `session` object."""

from typing import Any

from agentsim.assemblyai.refusal import Refusal
from agentsim.assemblyai.values import check_each, check_integer, check_object, check_text, one_of

DEFAULT_TIMEOUT_S = 120
TOOL_KEYS = {
    "type",
    "name",
    "description",
    "parameters",
    "execution_mode",
    "timeout_seconds",
    "response_instructions",
    "http",
}

HTTP_TOOL = {
    "type": "function",
    "name": "look_up_weather",
    "description": "Called by the service itself.",
    "parameters": {"type": "object", "properties": {}, "required": []},
    "http": {"url": "https://example.invalid/weather", "method": "GET"},
}
"""The tool that the fault `http-tool-call` calls; sessions have it while the fault is on."""


def check_tools(param: str, value: Any) -> None:
    """Refuse anything but an array of well-formed tools with different names.

    Raises:
        Refusal: If the service would refuse it.
    """
    check_each(128, _check_tool)(param, value)
    names = [tool["name"] for tool in value]
    if len(set(names)) < len(names):
        raise Refusal("invalid_value", "Two tools have the same name.", param)


def _check_tool(param: str, tool: Any) -> None:
    check_object(param, tool, TOOL_KEYS)
    one_of(("function",))(f"{param}.type", tool.get("type"))
    check_text(f"{param}.name", tool.get("name"), 64)
    if not tool["name"].strip():
        raise Refusal("invalid_value", "Must not be blank.", f"{param}.name")
    if "description" in tool:
        check_text(f"{param}.description", tool["description"], 10_000)
    if "parameters" in tool:
        _check_parameters(f"{param}.parameters", tool["parameters"])
    if "execution_mode" in tool:
        one_of(("interactive", "hold"))(f"{param}.execution_mode", tool["execution_mode"])
    if "timeout_seconds" in tool:
        check_integer(f"{param}.timeout_seconds", tool["timeout_seconds"], 1, 300)
    if "response_instructions" in tool:
        _check_instructions(f"{param}.response_instructions", tool["response_instructions"])
    if tool.get("http") is not None:
        check_object(f"{param}.http", tool["http"])


def _check_parameters(param: str, value: Any) -> None:
    check_object(param, value)
    one_of(("object",))(f"{param}.type", value.get("type"))
    check_object(f"{param}.properties", value.get("properties", {}))
    names = check_each(1000, lambda where, each: check_text(where, each, 1000))
    names(f"{param}.required", value.get("required", []))


def _check_instructions(param: str, value: Any) -> None:
    check_object(param, value, {"success", "error"})
    for key, each in value.items():
        check_text(f"{param}.{key}", each, 500)
