"""What the agent may call on this device, by the name used in the configuration."""

TOOLS = {
    "get_time": "voiced.tools.builtin.get_time:GetTime",
    "set_volume": "voiced.tools.builtin.set_volume:SetVolume",
    "mute_microphone": "voiced.tools.builtin.mute_microphone:MuteMicrophone",
    "get_device_status": "voiced.tools.builtin.get_device_status:GetDeviceStatus",
    "end_conversation": "voiced.tools.builtin.end_conversation:EndConversation",
    "set_timer": "voiced.tools.builtin.timers:SetTimer",
    "set_alarm": "voiced.tools.builtin.timers:SetAlarm",
    "remind_me": "voiced.tools.builtin.timers:RemindMe",
    "list_timers": "voiced.tools.builtin.pending_timers:ListTimers",
    "cancel_timer": "voiced.tools.builtin.pending_timers:CancelTimer",
}

# Tools that are useless without alarms.
NEED_ALARMS = frozenset({"set_timer", "set_alarm", "remind_me", "list_timers", "cancel_timer"})
