"""What the agent may call on this device, by the name used in the configuration."""

TOOLS = {
    "get_time": "voiced.tools.clock:GetTime",
    "set_volume": "voiced.tools.loudness:SetVolume",
    "mute_microphone": "voiced.tools.hearing:MuteMicrophone",
    "get_device_status": "voiced.tools.condition:GetDeviceStatus",
    "end_conversation": "voiced.tools.parting:EndConversation",
    "set_timer": "voiced.tools.timers:SetTimer",
    "set_alarm": "voiced.tools.timers:SetAlarm",
    "remind_me": "voiced.tools.timers:RemindMe",
    "list_timers": "voiced.tools.pending:ListTimers",
    "cancel_timer": "voiced.tools.pending:CancelTimer",
}

NEED_ALARMS = frozenset({"set_timer", "set_alarm", "remind_me", "list_timers", "cancel_timer"})
"""Those that can do nothing without a clock that rings."""
