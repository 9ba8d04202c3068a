// The connection to the device: lost and found again without anybody's help.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
const LOCKED_WAIT_MS = 20000;
const TOO_OFTEN_WAIT_MS = 61000;
const POLICY_VIOLATION = 1008;
const OPEN_WITHIN_MS = 8000;
const DOUBT_AFTER_MS = 15000;
const ANSWER_WITHIN_MS = 5000;
// The device sends people away who order more than 20 things at a time, and 10 in a second.
const MOST_ORDERS = 12;
const ORDERS_PER_MS = 0.008;

export class Live {
  // take: is called with every message. lost: is called with why nothing can be shown.
  constructor(take, lost) {
    this.take = take;
    this.lost = lost;
    this.wait_ms = FIRST_WAIT_MS;
    this.socket = null;
    this.token = "";
    this.heard_at = 0;
    this.ordered_at = 0;
    this.patience = MOST_ORDERS;
    addEventListener("online", () => this.open());
    addEventListener("pageshow", () => this.open());
    addEventListener("hashchange", () => this.enter());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.doubt(); });
    setInterval(() => this.doubt(), DOUBT_AFTER_MS);
    if (location.hash.length > 1) this.enter(); else this.open();
  }

  // Show the token that the link carries, once; the device then knows this browser.
  async enter() {
    if (location.hash.length > 1) {
      this.token = location.hash.slice(1);
      history.replaceState(null, "", location.pathname);
    }
    if (!this.token) return this.open();
    this.close();
    let status = 0;
    try {
      status = (await fetch("/enter", { method: "POST", body: this.token })).status;
    } catch {
      // The device is not there; the token is shown again when it is.
    }
    if (status === 429) return this.again("too-often", TOO_OFTEN_WAIT_MS);
    if (!status || status >= 500) return this.again("lost", this.longer());
    this.token = "";
    if (status >= 400) return this.again("wrong-key", LOCKED_WAIT_MS);
    return this.open();
  }

  open() {
    if (this.token || this.socket) return;
    clearTimeout(this.timer);
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/live`);
    this.socket = socket;
    this.let_in = false;
    this.heard_at = performance.now();
    this.timer = setTimeout(() => this.fail("lost"), OPEN_WITHIN_MS);
    socket.onopen = () => clearTimeout(this.timer);
    socket.onmessage = (event) => {
      this.let_in = true;
      this.wait_ms = FIRST_WAIT_MS;
      this.heard_at = performance.now();
      this.take(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      const locked = event.code === POLICY_VIOLATION && !this.let_in;
      this.fail(locked ? "refused" : "lost");
    };
  }

  // A dead network closes nothing: where nothing is heard, ask whether the device is still there.
  async doubt() {
    const socket = this.socket;
    if (socket?.readyState !== WebSocket.OPEN || performance.now() - this.heard_at < DOUBT_AFTER_MS) return;
    try {
      await fetch("/icon.svg", { cache: "no-cache", signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      this.heard_at = performance.now();
    } catch {
      if (socket === this.socket) this.fail("lost");
    }
  }

  close() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  fail(why) {
    this.close();
    this.again(why, why === "lost" ? this.longer() : LOCKED_WAIT_MS);
  }

  again(why, wait_ms) {
    clearTimeout(this.timer);
    this.lost(why);
    this.timer = setTimeout(() => this.enter(), wait_ms);
  }

  // Pages that lost the same device do not come back all at once.
  longer() {
    const wait_ms = this.wait_ms * (0.5 + Math.random() / 2);
    this.wait_ms = Math.min(this.wait_ms * 2, LONGEST_WAIT_MS);
    return wait_ms;
  }

  // Returns whether it was sent.
  order(what, more = {}) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    const now = performance.now();
    this.patience = Math.min(MOST_ORDERS, this.patience + (now - this.ordered_at) * ORDERS_PER_MS);
    this.ordered_at = now;
    if (this.patience < 1) return false;
    this.patience -= 1;
    this.socket.send(JSON.stringify({ do: what, ...more }));
    return true;
  }
}

// Calls act with the newest value, soon, and never more often than every so many milliseconds.
export class Calmly {
  constructor(act, every_ms) {
    this.act = act;
    this.every_ms = every_ms;
    this.timer = null;
  }

  call(value) {
    this.value = value;
    if (this.timer !== null) return;
    this.act(value);
    this.rest(value);
  }

  rest(done) {
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.value === done) return;
      this.act(this.value);
      this.rest(this.value);
    }, this.every_ms);
  }
}
