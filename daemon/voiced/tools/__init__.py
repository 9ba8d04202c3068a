"""What the agent may call on this device, by the name used in the configuration."""

TOOLS = {
    "get_time": "voiced.tools.clock:GetTime",
    "set_volume": "voiced.tools.loudness:SetVolume",
    "end_conversation": "voiced.tools.parting:EndConversation",
}
