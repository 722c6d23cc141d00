"use strict";

// Keeps the list of keys up to date: rows bear data-key-id, and inside them cells bear data-field="state", …. The
// server renders a cell for the page and for the socket alike; here it is only put in place.
(() => {
  const MOST_KEYS = 200; // that the server tells one page of
  const told = new WeakMap();

  const parsed = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  // What is the same stays, so that a selection or a pointer on it is not disturbed.
  const put = (place, html) => {
    if (html === undefined || told.get(place) === html) return;
    const cell = parsed(html);
    told.set(cell, html);
    place.replaceWith(cell);
    Gateway.times.refresh(cell);
  };

  const update = (row, cells) => {
    for (const place of row.querySelectorAll("[data-field]")) put(place, cells[place.dataset.field]);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const rows = new Map();
    for (const row of document.querySelectorAll("[data-key-id]")) rows.set(row.dataset.keyId, row);
    if (!rows.size) return;
    const ids = [...rows.keys()].map(Number).slice(0, MOST_KEYS);
    Gateway.live.watch({ watch: "keys", ids }, (message) => {
      if (message.type !== "keys") return;
      for (const { id, cells } of message.keys) if (rows.has(String(id))) update(rows.get(String(id)), cells);
    });
  });
})();
