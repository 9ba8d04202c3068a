"""Tools of MCP servers, by the official SDK.

The SDK is slow, and it processes foreign text. So everything that imports it runs on a worker
thread, and only small, plain objects cross to the main loop, which moves the sound.
"""
