"use strict";

// One cell for each key, coloured and patterned by its state. Fast with 10,000 of them: a cell is a copy of one link,
// titles are made when somebody looks, and a change touches only its own cell.
window.Gateway = window.Gateway || {};

Gateway.keyStrip = (strip) => {
  const { element, say, words } = Gateway;
  const STATES = strip.dataset.states.split(" ");
  const MANY = 250;
  const [urlStart, urlEnd] = strip.dataset.keyUrl.split("/0/");
  const cells = new Map();
  let rows = new Map();
  let labels = {};
  let parts = [];

  const blank = element("a", { class: "cell", tabindex: "-1" });

  const untilIso = (until) => new Date(until * 1000).toISOString();

  const describe = ([id, state, until, modelsOut], withCountdown) => {
    const said = [say("key_state", { key: labels[id] || say("key", { id }), state: words.states[STATES[state]] })];
    if (withCountdown && STATES[state] === "cooling" && until) said.push(say("left", { time: Gateway.times.left(untilIso(until)) }));
    if (modelsOut) said.push(say("models_out", { count: modelsOut }));
    return said.join(say("comma"));
  };

  const paint = (cell, row) => {
    cell.dataset.state = STATES[row[1]];
    cell.classList.toggle("is-part", STATES[row[1]] === "available" && row[3] > 0);
    cell.setAttribute("aria-label", describe(row, false));
  };

  const cellOf = (row) => {
    const cell = blank.cloneNode();
    cell.href = `${urlStart}/${row[0]}/${urlEnd}`;
    cell.dataset.key = row[0];
    paint(cell, row);
    cells.set(String(row[0]), cell);
    return cell;
  };

  const groupOf = (group, keys) => {
    const box = element("div", { class: "cells", role: "group", "aria-label": say("keys_of", { group: group.name }) });
    const cellsOfGroup = keys.slice(group.from, group.from + group.count).map(cellOf);
    if (cellsOfGroup.length) cellsOfGroup[0].tabIndex = 0;
    box.append(...cellsOfGroup);
    const summary = element("span", { class: "muted" });
    const name = element("a", { href: `${strip.dataset.groupUrl}${group.id}` }, group.name);
    parts.push({ group, summary });
    return element("div", { class: "strip-group" }, element("h3", {}, name, " ", summary), box);
  };

  const summarize = () => {
    const keys = [...rows.values()];
    for (const { group, summary } of parts) {
      const counts = STATES.map(() => 0);
      for (const row of keys.slice(group.from, group.from + group.count)) counts[row[1]] += 1;
      const said = counts.map((count, state) => count && say("key_count", { count: Gateway.numbers.count(count), state: words.states[STATES[state]] }));
      summary.textContent = said.filter(Boolean).join(say("comma")) || say("no_keys");
    }
  };

  const settle = (cell, before) => {
    before.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
  };

  // Who was on a cell with the keyboard stays there, though the cell is a new one.
  const build = (state) => {
    const held = strip.contains(document.activeElement) && document.activeElement.dataset.key;
    rows = new Map(state.keys.map((row) => [String(row[0]), row]));
    labels = state.labels || {};
    cells.clear();
    parts = [];
    strip.classList.toggle("has-many", state.keys.length > MANY);
    strip.replaceChildren(...state.groups.map((group) => groupOf(group, state.keys)));
    if (cells.has(held)) settle(cells.get(held), cells.get(held).parentElement.firstElementChild);
    summarize();
  };

  const change = (changed) => {
    for (const row of changed) {
      const id = String(row[0]);
      if (!cells.has(id)) continue;
      rows.set(id, row);
      paint(cells.get(id), row);
    }
    summarize();
  };

  const explain = (event) => {
    const cell = event.target.closest(".cell");
    if (!cell) return;
    const said = describe(rows.get(cell.dataset.key), true);
    cell.title = said;
    cell.setAttribute("aria-label", said);
  };

  // Tab goes from group to group, the arrows from cell to cell.
  const move = (event) => {
    const cell = event.target.closest(".cell");
    const steps = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" };
    const ends = { Home: "firstElementChild", End: "lastElementChild" };
    const next = cell && (cell[steps[event.key]] || cell.parentElement[ends[event.key]]);
    if (!next) return;
    event.preventDefault();
    settle(next, cell);
  };

  strip.addEventListener("pointerover", explain);
  strip.addEventListener("focusin", explain);
  strip.addEventListener("keydown", move);

  const firstRelease = () => {
    const ends = [...rows.values()].filter((row) => STATES[row[1]] === "cooling" && row[2]).map((row) => row[2]);
    return ends.length ? untilIso(ends.reduce((a, b) => Math.min(a, b))) : null;
  };

  return { build, change, firstRelease };
};
