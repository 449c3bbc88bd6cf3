// What the pages do beyond htmx: they work without any of it.
(() => {
  "use strict";
  const AGAIN_SECONDS = 5;
  const HIDDEN_SECONDS = 20;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // -- ages grow while one looks, and what is due comes nearer

  const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

  function largest(seconds) {
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) || UNITS[3];
    return `${Math.floor(seconds / size)} ${unit}`;
  }

  function age(element) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(element.dateTime)) / 1000));
    if (seconds < 1) return "now";
    return element.dataset.age === "plain" ? largest(seconds) : `${largest(seconds)} ago`;
  }

  function due(element) {
    const seconds = Math.ceil((Date.parse(element.dateTime) - Date.now()) / 1000);
    return seconds > 0 ? `in ${largest(seconds)}` : "due";
  }

  function tell(text, selector, within = document) {
    for (const element of all(selector, within)) {
      const now = text(element);
      if (element.textContent !== now) element.textContent = now;
    }
  }

  setInterval(() => tell(age, "time[data-age]"), AGAIN_SECONDS * 1000);
  setInterval(() => tell(due, "time[data-due]"), 1000);
  document.addEventListener("htmx:load", (event) => {
    tell(age, "time[data-age]", event.target);
    tell(due, "time[data-due]", event.target);
  });

  // -- a live update never takes away what somebody is working in

  // Nor does it move what somebody points at: a button that was under the pointer stays there.

  const waiting = new Map();

  function busy(region) {
    if (region.matches("[data-keep-open]")) return region.querySelector("details[open]") !== null;
    if (!region.matches("[data-hold-still]")) return false;
    return region.matches(":hover") || region.contains(document.activeElement) || chosen(region).length > 0;
  }

  const chosen = (region) => all("input[type=checkbox]:checked", region).map((each) => each.value);

  // Where a region says that it has changed: inside it, or in the element that it names.
  const notice = (region) => document.getElementById(region.dataset.holdStill) || region.querySelector(".changed");

  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const region = event.target;
    if (!busy(region)) {
      waiting.delete(region);
      if (region.dataset.holdStill) notice(region).hidden = true;
      keepDetails(region);
      return;
    }
    event.preventDefault();
    waiting.set(region, event.detail.data);
    const changed = notice(region);
    if (!changed) return;
    if (differs(region, event.detail.data)) changed.hidden = false;
    else if (region.dataset.holdStill) changed.hidden = true;
  });

  function differs(region, html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    if (region.dataset.holdStill) {
      const rows = (root) => all("[data-row]", root).map((each) => each.dataset.row).join("|");
      return rows(region) !== rows(next);
    }
    const texts = (root) => all("h2, h3, summary, .lead, .error", root).map((each) => each.textContent.trim()).join("|");
    return texts(region) !== texts(next);
  }

  function catchUp(region, asked = false) {
    const html = waiting.get(region);
    if (html === undefined || (!asked && busy(region))) return;
    const kept = chosen(region);
    waiting.delete(region);
    if (region.dataset.holdStill) notice(region).hidden = true;
    htmx.swap(region, html, { swapStyle: "innerHTML" });
    for (const each of all("input[type=checkbox]", region)) each.checked = kept.includes(each.value);
  }

  for (const left of ["pointerout", "focusout", "change"]) {
    document.addEventListener(left, (event) => {
      const region = event.target.closest?.("[data-hold-still]");
      if (region) setTimeout(() => catchUp(region));
    });
  }

  // Texts that were unfolded stay unfolded.
  function keepDetails(region) {
    const open = all("details[open][id]", region).map((each) => each.id);
    if (open.length === 0) return;
    region.addEventListener("htmx:sseMessage", () => {
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    }, { once: true });
  }

  // -- forms

  document.addEventListener("toggle", (event) => {
    const details = event.target;
    if (!details.matches?.("details.action")) return;
    const region = details.closest("[data-keep-open]");
    if (!details.open) {
      if (region) catchUp(region);
      return;
    }
    for (const other of all("details.action[open]", region)) if (other !== details) other.open = false;
    const empty = all("input:not([type=hidden])", details).find((input) => !input.value);
    (empty || details.querySelector("button[type=submit]")).focus();
  }, true);

  function close(details) {
    details.open = false;
    details.querySelector("summary").focus();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close(event.target.closest("details"));
    const late = event.target.closest("[data-catch-up]");
    if (late) catchUp(document.getElementById(late.dataset.catchUp), true);
    if (event.target.closest("[data-refresh]")) {
      const region = event.target.closest("[data-keep-open]");
      for (const each of all("details.action[open]", region)) each.open = false;
      catchUp(region);
    }
  });

  // What was typed or picked before the scripts were there counts too.
  document.addEventListener("DOMContentLoaded", () => {
    for (const form of all("form[hx-get]")) {
      if (all("input, select", form).some((control) => control.value !== asLoaded(control))) form.requestSubmit();
    }
  });

  function asLoaded(control) {
    if (!control.matches("select")) return control.defaultValue;
    return (all("option", control).find((option) => option.defaultSelected) || control.options[0]).value;
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-once]")) return;
    for (const button of all("button[type=submit]", event.target)) {
      button.setAttribute("aria-busy", "true");
      setTimeout(() => { button.disabled = true; });
    }
  });

  window.addEventListener("pageshow", () => {
    for (const button of all("button[aria-busy]")) {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    }
  });

  // -- keys

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape") {
      const details = event.target.closest("details.action[open]");
      if (details) close(details);
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const wanted = all("[data-hotkey]").find((each) => each.dataset.hotkey === event.key);
    if (wanted) {
      event.preventDefault();
      wanted.focus();
      wanted.select?.();
    }
    if (event.key === "j" || event.key === "k") {
      const rows = all("tbody a.id");
      const at = rows.indexOf(document.activeElement);
      const next = rows[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
      next?.focus();
    }
  });

  // -- the stream: closed while nobody looks, because a browser has few connections to one host

  let source = null;
  let asleep = 0;
  const lost = (is) => { document.getElementById("lost").hidden = !is; };

  htmx.createEventSource = (url) => {
    source = new EventSource(url);
    source.addEventListener("signed-out", () => {
      source.close();
      source.onerror = null;
      document.getElementById("signed-out").hidden = false;
    });
    return source;
  };

  document.addEventListener("htmx:sseOpen", () => lost(false));
  document.addEventListener("htmx:sseError", () => lost(true));
  window.addEventListener("pagehide", () => source?.close());

  document.addEventListener("visibilitychange", () => {
    clearTimeout(asleep);
    if (document.hidden) {
      asleep = setTimeout(() => source?.close(), HIDDEN_SECONDS * 1000);
    } else if (source && source.readyState === EventSource.CLOSED) {
      source.onerror?.(new Event("error"));
    }
  });
})();
