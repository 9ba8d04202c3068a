import { Captions } from "/captions.js";
import { Calmly, Live } from "/live.js";
import { Sheet } from "/sheet.js";
import { advise, TALK, WORDS } from "/words.js";

const $ = (id) => document.getElementById(id);
const NOTICE_MS = 12000;
const FORGET_MS = 45000;
const VOLUME_EVERY_MS = 200;
const VOLUME_SETTLES_MS = 1500;

const captions = new Captions({
  room: $("said"), scroll: $("scroll"), list: $("captions"), newest: $("newest"), spoken: $("spoken"),
});
let sight = null;
let reached = false;
let outdated = false;
let volume_at = -Infinity;
let notice_timer;
let forget_timer;

const sheet = new Sheet($, (what, more) => live.order(what, more), () => { if (outdated) location.reload(); });

function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function face(status) {
  document.body.dataset.status = status;
  write("status", WORDS[status]?.[0] ?? status);
  write("advice", advise(status, sight));
  $("sign").setAttribute("href", `/signs.svg#${status}`);
  for (const control of [$("talk"), $("mute"), $("volume"), $("more")]) control.disabled = !reached;
  write("talk", (reached && TALK[sight.phase]) || TALK.asleep);
}

// What was said in a conversation that is over goes by itself: the next person need not read it.
function conversation_over() {
  captions.end();
  clearTimeout(forget_timer);
  forget_timer = setTimeout(() => captions.clear(), FORGET_MS);
}

function see(next) {
  const before = reached ? sight?.phase : undefined;
  if (sight && sight.version !== next.version) {
    outdated = true;
    if (!sheet.is_open) location.reload();
  }
  if (next.phase === "asleep" || next.phase === "stopped") {
    if (before !== next.phase) conversation_over();
  } else {
    clearTimeout(forget_timer);
    if (sight?.phase === "asleep") captions.clear();
    if (next.phase === "connecting" && before !== "connecting") captions.end();
  }
  if (!reached) sheet.forget();
  reached = true;
  sight = next;
  document.title = next.name ? `${next.name} - voiced` : "voiced";
  write("name", next.name || "voiced");
  $("mute").setAttribute("aria-pressed", String(next.muted));
  $("mute-sign").setAttribute("href", next.muted ? "/signs.svg#muted" : "/signs.svg#listening");
  if (performance.now() - volume_at > VOLUME_SETTLES_MS) show_volume(next.volume);
  face(next.status);
}

function read(caption) {
  captions.show(caption);
  if (sight?.phase === "asleep") conversation_over();
}

function show_volume(percent) {
  $("volume").value = percent;
  $("volume").style.setProperty("--at", `${percent}%`);
  write("percent", String(percent));
}

function lost(why) {
  if (reached) conversation_over();
  if (why !== "lost") captions.clear();
  reached = false;
  face(why);
}

function notice(text) {
  clearTimeout(notice_timer);
  $("notice").textContent = text;
  if (text) notice_timer = setTimeout(() => notice(""), NOTICE_MS);
}

const live = new Live((message) => {
  switch (message.type) {
    case "sight": see(message); break;
    case "caption": read(message); break;
    case "settings": sheet.fill(message); break;
    case "problem": if (!sheet.is_open) notice(message.text); else sheet.settle(message.text); break;
    case "kept": sheet.close(); break;
  }
}, lost);

const talk = () => live.order("talk");
const mute = () => live.order("mute");
const set_volume = new Calmly((percent) => live.order("volume", { to: percent }), VOLUME_EVERY_MS);

$("talk").onclick = talk;
$("orb").onclick = talk;
$("mute").onclick = mute;
$("notice").onclick = () => notice("");
$("volume").oninput = (event) => {
  volume_at = performance.now();
  show_volume(event.target.value);
  set_volume.call(Number(event.target.value));
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || sheet.is_open) return;
  if (event.code === "Space" && event.target.localName !== "button") {
    event.preventDefault();
    if (!event.repeat) talk();
  }
  if (event.key.toLowerCase() === "m" && !event.repeat) mute();
});
// A finger that rests on a kiosk's screen must not open the browser's menu.
addEventListener("contextmenu", (event) => {
  if (!event.target.closest?.(".captions, dialog")) event.preventDefault();
});
