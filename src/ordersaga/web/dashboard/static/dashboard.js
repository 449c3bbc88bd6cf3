// Enhancements beyond htmx. The pages also work without this script.
(() => {
  "use strict";
  const AGE_SECONDS = 5;
  const HIDDEN_SECONDS = 20;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // -- keep ages and due times up to date

  const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

  function largest(seconds) {
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) || UNITS[3];
    return `${Math.floor(seconds / size)} ${unit}`;
  }

  function age(element) {
    const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(element.dateTime)) / 1000));
    if (element.dataset.age === "plain") return largest(seconds);
    return seconds < 1 ? "just now" : `${largest(seconds)} ago`;
  }

  function due(element) {
    const seconds = Math.ceil((Date.parse(element.dateTime) - Date.now()) / 1000);
    return seconds > 0 ? `in ${largest(seconds)}` : "due";
  }

  function updateTexts(text, selector, within = document) {
    for (const element of all(selector, within)) {
      const now = text(element);
      if (element.textContent !== now) element.textContent = now;
    }
  }

  setInterval(() => updateTexts(age, "time[data-age]"), AGE_SECONDS * 1000);
  setInterval(() => updateTexts(due, "time[data-due]"), 1000);
  document.addEventListener("htmx:load", (event) => {
    updateTexts(age, "time[data-age]", event.target);
    updateTexts(due, "time[data-due]", event.target);
  });

  // -- hold back live updates of a region that is in use

  // An update must not replace an open form, or move a button that is under the pointer.

  const held = new Map();

  function busy(region) {
    if (region.matches("[data-keep-open]")) return region.querySelector("details[open]") !== null;
    if (!region.matches("[data-hold-still]")) return false;
    return region.matches(":hover") || region.contains(document.activeElement) || selected(region).length > 0;
  }

  const selected = (region) => all("input[type=checkbox]:checked", region).map((box) => box.value);

  // The element that says that the region has changed: the one that it names, or one inside it.
  const notice = (region) => document.getElementById(region.dataset.holdStill) || region.querySelector(".changed");

  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const region = event.target;
    if (!busy(region)) {
      held.delete(region);
      if (region.dataset.holdStill) notice(region).hidden = true;
      keepDetails(region);
      return;
    }
    event.preventDefault();
    held.set(region, event.detail.data);
    const changed = notice(region);
    if (!changed) return;
    if (differs(region, event.detail.data)) changed.hidden = false;
    else if (region.dataset.holdStill) changed.hidden = true;
  });

  function differs(region, html) {
    const next = new DOMParser().parseFromString(html, "text/html");
    if (region.dataset.holdStill) {
      const rows = (root) => all("[data-row]", root).map((row) => row.dataset.row).join("|");
      return rows(region) !== rows(next);
    }
    const texts = (root) => all("h2, h3, summary, .lead, .error", root).map((element) => element.textContent.trim()).join("|");
    return texts(region) !== texts(next);
  }

  function catchUp(region, asked = false) {
    const html = held.get(region);
    if (html === undefined || (!asked && busy(region))) return;
    const kept = selected(region);
    held.delete(region);
    if (region.dataset.holdStill) notice(region).hidden = true;
    htmx.swap(region, html, { swapStyle: "innerHTML" });
    for (const box of all("input[type=checkbox]", region)) box.checked = kept.includes(box.value);
  }

  for (const left of ["pointerout", "focusout", "change"]) {
    document.addEventListener(left, (event) => {
      const region = event.target.closest?.("[data-hold-still]");
      if (region) setTimeout(() => catchUp(region));
    });
  }

  // Open details stay open after an update.
  function keepDetails(region) {
    const open = all("details[open][id]", region).map((details) => details.id);
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
      for (const form of all("details.action[open]", region)) form.open = false;
      catchUp(region);
    }
  });

  // Filters that were changed before this script was loaded apply too.
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

  // -- keyboard shortcuts

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape") {
      const details = event.target.closest("details.action[open]");
      if (details) close(details);
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = all("[data-hotkey]").find((element) => element.dataset.hotkey === event.key);
    if (target) {
      event.preventDefault();
      target.focus();
      target.select?.();
    }
    if (event.key === "j" || event.key === "k") {
      const rows = all("tbody a.id");
      const at = rows.indexOf(document.activeElement);
      const next = rows[event.key === "j" ? at + 1 : Math.max(at - 1, 0)];
      next?.focus();
    }
  });

  // -- the event stream: closed while the page is hidden, because browsers limit the connections to a host

  let source = null;
  let hiddenTimer = 0;
  const showLost = (isLost) => { document.getElementById("lost").hidden = !isLost; };

  htmx.createEventSource = (url) => {
    source = new EventSource(url);
    source.addEventListener("signed-out", () => {
      source.close();
      source.onerror = null;
      document.getElementById("signed-out").hidden = false;
    });
    return source;
  };

  document.addEventListener("htmx:sseOpen", () => showLost(false));
  document.addEventListener("htmx:sseError", () => showLost(true));
  window.addEventListener("pagehide", () => source?.close());

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(() => source?.close(), HIDDEN_SECONDS * 1000);
    } else if (source && source.readyState === EventSource.CLOSED) {
      source.onerror?.(new Event("error"));
    }
  });
})();
