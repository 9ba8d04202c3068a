"""Tools of MCP servers, by the official SDK.

The SDK is heavy, and works on foreign text: everything here that imports it runs on a thread of its
own, and only what is small and plain crosses to the loop that the sound is on.
"""
