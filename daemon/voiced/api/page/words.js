// What a person reads for every status: a title, and what to do about it.

export const WORDS = {
  booting: ["Starting", "Just a moment."],
  asleep: ["Ready", "Touch Talk, or press the button."],
  connecting: ["Connecting", "You can speak already."],
  listening: ["Listening", "Say something."],
  hearing: ["I hear you", "Go on."],
  thinking: ["Thinking", "One moment."],
  speaking: ["Speaking", "Speak, or touch, to interrupt."],
  muted: ["Microphone off", "Nothing you say leaves this device."],
  offline: ["No connection", "Is the network up? The device reconnects by itself."],
  rejected: ["Key refused", "The agent refuses this device’s key. Its owner must correct it."],
  "no-microphone": ["No microphone", "Is its cable plugged in?"],
  "microphone-busy": ["Microphone in use", "Another program is using it. Close that program."],
  "microphone-stalled": ["Microphone stuck", "It is being restarted. If this does not help, replug it."],
  "microphone-silent": ["Microphone silent", "Is it switched off? Look for a button on it."],
  "no-speaker": ["No speaker", "Is its cable plugged in?"],
  "speaker-busy": ["Speaker in use", "Another program is using it. Close that program."],
  "speaker-stalled": ["Speaker stuck", "It is being restarted. If this does not help, replug it."],
  "configuration-error": ["Settings need fixing", "The old ones stay in use. Details for the owner: voiced status"],
  stopping: ["Stopping", "The device is being shut down or restarted."],
  lost: ["Waking up", "This page cannot reach the device yet. It keeps trying."],
  refused: ["This page is locked", "Open it with the link or the QR code that the owner has."],
  "wrong-key": ["This link is too old", "Ask the owner for the new link or QR code."],
  "too-often": ["Too many tries", "This page tries again by itself in a minute."],
};

// What the button does in every phase of a conversation.
export const TALK = {
  asleep: "Talk",
  connecting: "Stop",
  listening: "Stop",
  hearing: "Stop",
  thinking: "Stop",
  speaking: "Interrupt",
};

const SPEAKERS = { absent: "no-speaker", busy: "speaker-busy", stalled: "speaker-stalled", silent: "speaker-stalled" };

// What to do about a status, for a sight of the device (or null).
export function advise(status, sight) {
  const advice = WORDS[status]?.[1] ?? "";
  if (status === "speaking" && sight?.half_duplex) return "Touch Interrupt to stop it.";
  if (!status.includes("microphone") || !(sight?.speaker in SPEAKERS)) return advice;
  return `${advice} Also: ${WORDS[SPEAKERS[sight.speaker]][0].toLowerCase()}.`;
}
