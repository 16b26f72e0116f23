// What pages cannot do by themselves. Every page also works without this file, only less comfortably.
"use strict";

/** How long ago, or ahead, in words; both in milliseconds since 1970. @param {number} at @param {number} now */
function relative(at, now) {
  const seconds = Math.round((now - at) / 1000);
  const [count, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]
    .map(([size, name]) => /** @type {[number, string]} */ ([Math.floor(Math.abs(seconds) / Number(size)), String(name)]))
    .find(([found]) => found > 0) ?? [0, "s"];
  if (count === 0) return "just now";
  return seconds < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

/** Shows the time inside it as an age; the exact time stays there for printing, copying and who hovers. */
class RelativeTime extends HTMLElement {
  static observedAttributes = ["datetime"];
  /** @type {number | undefined} */ timer;

  connectedCallback() {
    if (!this.shadowRoot) {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync("slot{display:none} @media print{slot{display:inline} span{display:none}}");
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      root.append(document.createElement("span"), document.createElement("slot"));
    }
    this.timer = window.setInterval(() => this.show(), 1000);
    this.show();
  }

  disconnectedCallback() {
    window.clearInterval(this.timer);
  }

  attributeChangedCallback() {
    if (this.shadowRoot) this.show();
  }

  show() {
    const at = this.getAttribute("datetime") ?? "";
    const place = this.shadowRoot?.querySelector("span");
    if (place) place.textContent = relative(Date.parse(at), Date.now());
    this.title = this.textContent?.trim() + " UTC";
  }
}
customElements.define("relative-time", RelativeTime);

/** @param {string} selector @returns {HTMLElement | null} */
const one = (selector) => document.querySelector(selector);

// Whether the page is live, told by the stream itself.
/** @param {"on" | "held" | "lost"} state @param {string} text */
function tellLive(state, text) {
  const place = one("[data-live]");
  const words = one("[data-live-text]");
  if (!place || !words) return;
  place.hidden = false;
  if (place.dataset.live !== state) {
    place.dataset.live = state;
    words.textContent = text;
  }
}
const isHeld = () =>
  one("[data-hold-while-checked] input:checked") !== null || one("dialog[open]") !== null;
document.addEventListener("htmx:sse:after:connection", () => tellLive("on", "Live"));
document.addEventListener("htmx:sse:error", (event) => {
  const status = /** @type {CustomEvent} */ (event).detail?.status;
  // The token has expired: the page itself then asks for another one.
  if (status === 401) window.location.reload();
  else tellLive("lost", "Not connected, trying again");
});
document.addEventListener("htmx:sse:before:message", (event) => {
  if (isHeld()) {
    tellLive("held", "Held while you choose");
    event.preventDefault();
  } else {
    tellLive("on", "Live");
  }
});

// The link that `jobledger up` prints: the token follows the #, which no server and no log ever sees.
function signInByLink() {
  const form = /** @type {HTMLFormElement | null} */ (one("form[data-sign-in]"));
  const token = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (!form || !token) return;
  window.history.replaceState(null, "", window.location.pathname + window.location.search);
  /** @type {HTMLTextAreaElement} */ (form.elements.namedItem("token")).value = token;
  form.submit();
}
signInByLink();
window.addEventListener("hashchange", signInByLink);

// Choosing jobs.
function countPicked() {
  const boxes = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll("tbody .pick input")]);
  const picked = boxes.filter((box) => box.checked).length;
  const every = /** @type {HTMLInputElement | null} */ (one("#pick-every"))?.checked ?? false;
  for (const button of document.querySelectorAll("[data-needs-picked]")) {
    /** @type {HTMLButtonElement} */ (button).disabled = picked === 0 && !every;
  }
  const words = one("[data-picked]");
  if (words) words.textContent = every ? "All of them" : picked ? `${picked} chosen` : "Choose jobs to act on several at once";
  const all = /** @type {HTMLInputElement | null} */ (one("[data-pick-all]"));
  if (all) {
    all.checked = boxes.length > 0 && picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
  }
}
countPicked();
document.addEventListener("htmx:after:swap", countPicked);

document.addEventListener("change", (event) => {
  const target = /** @type {HTMLInputElement} */ (event.target);
  if (target.matches("[data-pick-all]")) {
    for (const box of document.querySelectorAll("tbody .pick input")) {
      /** @type {HTMLInputElement} */ (box).checked = target.checked;
    }
  }
  if (target.closest(".pick, .all")) countPicked();
  if (target.matches("input[type=checkbox], select")) {
    /** @type {HTMLFormElement | null} */ (target.closest("form[data-submit-on-change]"))?.requestSubmit();
  }
});

document.addEventListener("click", async (event) => {
  const target = /** @type {Element} */ (event.target);
  const copied = /** @type {HTMLElement | null} */ (target.closest("[data-copy]"));
  if (copied) {
    await navigator.clipboard.writeText(copied.dataset.copy ?? "");
    copied.querySelector("use")?.setAttribute("href", (copied.querySelector("use")?.getAttribute("href") ?? "").replace("#copy", "#check"));
    copied.title = "Copied";
  }
  if (target.closest("[data-print]")) window.print();
});

// What a chart says under the pointer.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);
document.addEventListener("pointermove", (event) => {
  const column = /** @type {SVGElement | null} */ (/** @type {Element} */ (event.target).closest?.(".hit"));
  tip.hidden = !column;
  if (!column) return;
  tip.textContent = column.dataset.tip ?? "";
  const { width, height } = tip.getBoundingClientRect();
  const left = event.clientX + 14 + width > window.innerWidth ? event.clientX - width - 14 : event.clientX + 14;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, event.clientY - height - 12)}px`;
});

// Keys: / finds; g and then o, j, p or l go places. Never while somebody types.
let last = "";
document.addEventListener("keydown", (event) => {
  const target = /** @type {Element} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, textarea, select")) return;
  /** @type {Record<string, string>} */
  const places = { o: "/dashboard", j: "/dashboard/jobs", p: "/dashboard/operations", m: "/dashboard/limits", l: "/dashboard/ledger" };
  if (event.key === "/") {
    event.preventDefault();
    one("[data-shortcut='/']")?.focus();
  } else if (last === "g" && event.key in places) {
    window.location.assign(places[event.key]);
  }
  last = event.key;
});
