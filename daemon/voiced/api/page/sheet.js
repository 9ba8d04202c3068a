// The settings that a person before the screen may change.

const FIELDS = ["voice", "prompt", "greeting"];
const ANSWER_WITHIN_MS = 10000;
const UNREACHABLE = "The device cannot be reached at the moment.";

export class Sheet {
  // order: sends what a person wants; returns whether it was sent. closed: is called afterwards.
  constructor(find, order, closed) {
    this.order = order;
    this.dialog = find("settings");
    this.more = find("more");
    this.keep = find("keep");
    this.problem = find("problem");
    this.fields = Object.fromEntries(FIELDS.map((name) => [name, find(name)]));
    this.known = {};
    this.shown = {}; // what was known when they were written, as the device told it
    this.written = {}; // the same as the fields hold it, without line breaks or with others
    this.more.onclick = () => this.open();
    find("forget").onclick = () => this.close();
    this.allowed = false;
    this.dialog.onclose = () => {
      this.settle("");
      this.more.hidden = !this.allowed;
      closed();
    };
    this.dialog.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      this.save();
    };
  }

  get is_open() { return this.dialog.open; }

  // The device tells what can be set; what it does not name, its agent does not have.
  fill(settings) {
    this.known = settings;
    this.allowed = true;
    this.more.hidden = false;
    if (!this.is_open) this.write();
  }

  // Whether there is anything to set is to be learnt anew.
  forget() {
    this.allowed = false;
    this.more.hidden = !this.is_open;
  }

  write() {
    for (const name of FIELDS) {
      this.shown[name] = this.known[name] ?? "";
      this.fields[name].value = this.shown[name];
      this.written[name] = this.fields[name].value;
      this.fields[name].closest("label").hidden = !(name in this.known);
    }
  }

  open() {
    this.settle("");
    this.write();
    this.dialog.showModal();
    this.dialog.querySelector("form").scrollTop = 0;
  }

  save() {
    const changed = {}, was = {}; // whoever else has changed the same meanwhile is not overruled
    for (const name of FIELDS) {
      const { value } = this.fields[name];
      if (value === this.written[name]) continue;
      changed[name] = value;
      was[name] = this.shown[name];
    }
    if (!Object.keys(changed).length) this.close();
    else if (!this.order("settings", { changed, was })) this.settle(UNREACHABLE);
    else this.wait();
  }

  wait() {
    this.settle("");
    this.keep.disabled = true;
    this.timer = setTimeout(() => this.settle(UNREACHABLE), ANSWER_WITHIN_MS);
  }

  // Say what came of it; returns whether anybody here reads it.
  settle(problem) {
    clearTimeout(this.timer);
    this.keep.disabled = false;
    this.problem.textContent = problem;
    return this.is_open;
  }

  close() { this.dialog.close(); }
}
