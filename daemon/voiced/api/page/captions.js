// What is said, by whom, as it is said.

const MOST_SHOWN = 60;
const NAMES = { user: "You", agent: "Agent" };
// Somebody who scrolled up and went away must not leave old words before the next person.
const FOLLOW_AGAIN_MS = 20000;
const NEAR_PX = 40;
// Tells fonts and screen readers apart what looks alike: Han characters differ between languages.
const SCRIPTS = [
  ["ja", /[\p{Script=Hiragana}\p{Script=Katakana}]/u],
  ["ko", /\p{Script=Hangul}/u],
  ["zh", /\p{Script=Han}/u],
  ["ar", /\p{Script=Arabic}/u],
  ["he", /\p{Script=Hebrew}/u],
];

export class Captions {
  // room: is hidden while there is nothing to read. spoken: is read out by screen readers.
  constructor({ room, scroll, list, newest, spoken }) {
    Object.assign(this, { room, scroll, list, newest, spoken });
    this.open = { user: null, agent: null };
    this.following = true;
    scroll.addEventListener("scroll", () => this.scrolled(), { passive: true });
    newest.onclick = () => this.follow();
    new ResizeObserver(() => this.keep_up()).observe(scroll);
  }

  // caption: {speaker, text, final, interrupted}
  show({ speaker, text, final, interrupted }) {
    if (!(speaker in this.open)) return;
    let line = this.open[speaker];
    // The words of an agent grow; others than those before are something else that it says.
    const words = line?.lastElementChild.textContent ?? "";
    if (line && speaker === "agent" && !final && !text.startsWith(words.slice(0, 8))) {
      this.settle(line);
      line = null;
    }
    if (!line && !text) return;
    line ??= this.begin(speaker);
    line.lastElementChild.textContent = text;
    line.lastElementChild.lang = SCRIPTS.find(([, letters]) => letters.test(text))?.[0] ?? "";
    line.classList.toggle("interrupted", Boolean(interrupted));
    this.open[speaker] = line;
    if (final) this.finish(line, speaker);
    else if (!text) this.drop(line);
    this.keep_up();
  }

  begin(speaker) {
    const line = document.createElement("li");
    line.className = `${speaker} partial`;
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = NAMES[speaker];
    const words = document.createElement("p");
    words.dir = "auto";
    line.append(name, words);
    this.list.append(line);
    while (this.list.children.length > MOST_SHOWN) this.drop(this.list.firstElementChild);
    this.list.classList.remove("past");
    this.room.hidden = false;
    return line;
  }

  finish(line, speaker) {
    const text = line.lastElementChild.textContent;
    this.settle(line);
    if (!text) this.drop(line);
    else this.spoken.textContent = `${NAMES[speaker]}: ${text}`;
  }

  settle(line) {
    line.classList.remove("partial");
    for (const speaker of Object.keys(this.open)) if (this.open[speaker] === line) this.open[speaker] = null;
  }

  drop(line) {
    this.settle(line);
    line.remove();
    this.room.hidden = !this.list.children.length;
  }

  // Nobody is speaking any more; what is there is what was said.
  end() {
    for (const line of Object.values(this.open)) if (line) this.settle(line);
    this.list.classList.add("past");
  }

  clear() {
    this.end();
    this.list.replaceChildren();
    this.spoken.textContent = "";
    this.room.hidden = true;
    this.follow();
  }

  follow() {
    clearTimeout(this.timer);
    this.following = true;
    this.newest.hidden = true;
    this.keep_up();
  }

  keep_up() {
    if (this.following) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroll;
    const at_end = scrollHeight - clientHeight - scrollTop < NEAR_PX;
    clearTimeout(this.timer);
    this.following = at_end;
    this.newest.hidden = at_end;
    if (!at_end) this.timer = setTimeout(() => this.follow(), FOLLOW_AGAIN_MS);
  }
}
