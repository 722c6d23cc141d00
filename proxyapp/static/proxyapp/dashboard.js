"use strict";

// The admin's index: draws the state that came with the page, then what the socket says has changed of it.
(() => {
  const { element, icon, numbers, say, sayParts, times } = Gateway;
  const PERIOD = "gateway.dashboard.period";
  const VIEW = "gateway.dashboard.view";
  const SYMBOLS = { danger: "error", warning: "warning" };
  const byId = (id) => document.getElementById(id);
  const nothing = (text) => element("li", { class: "nothing" }, text);

  let state = {};
  let strip = null;
  let chart = null;
  let split = null;

  const put = (name, ...content) => document.querySelector(`[data-card="${name}"]`).replaceChildren(...content);

  const showCards = () => {
    const cards = state.cards;
    let keys = 0;
    for (const card of document.querySelectorAll(".state-card")) {
      const count = cards[card.dataset.state];
      put(card.dataset.state, numbers.count(count));
      card.classList.toggle("is-none", !count);
      keys += count;
    }
    const out = cards.models_out;
    put("available_note", say(out ? "of_keys_out" : "of_keys", { keys: numbers.count(keys), out: numbers.count(out) }));
    const rate = cards.requests_per_minute;
    put("requests_per_minute", numbers.short(rate < 10 ? rate : Math.round(rate)));
    put("success_rate", cards.success_rate === null ? "–" : numbers.percent(cards.success_rate));
    put("rate_limited_today", numbers.short(cards.rate_limited_today));
    // The day is UTC's, and is told in the zone of all other times here.
    const sinceMidnight = say("since", { time: times.clockText(new Date(`${state.at.slice(0, 10)}T00:00:00Z`)) });
    put("today_note", sinceMidnight);
    const { prompt, output, cached = 0, thoughts = 0 } = cards.tokens_today;
    put("tokens_today", numbers.short(prompt + output));
    const sent = say(cached ? "into_cached" : "into", { tokens: numbers.short(prompt), cached: numbers.short(cached) });
    const made = say(thoughts ? "out_thoughts" : "out", { tokens: numbers.short(output), thoughts: numbers.short(thoughts) });
    put("tokens_note", say("tokens_note", { into: sent, out: made, since: sinceMidnight }));
    const { text: cost = "–", unpriced = 0 } = cards.cost_today ?? {};
    put("cost_today", cost ?? say("no_price"));
    put("cost_note", unpriced ? say("cost_note", { tokens: numbers.short(unpriced), since: sinceMidnight }) : sinceMidnight);
    put("p50_ms", cards.p50_ms === null ? "–" : numbers.milliseconds(cards.p50_ms));
    put("p95_note", cards.p95_ms === null ? say("median") : say("median_most", { share: "95 %", time: numbers.milliseconds(cards.p95_ms) }));
    for (const card of document.querySelectorAll("[data-today]")) card.href = card.dataset.today + state.at.slice(0, 10);
  };

  const showFirstRelease = () => {
    const first = strip.firstRelease();
    put("cooling_note", ...(first ? sayParts("next_back", { left: Gateway.countdown(first) }) : [say("no_key_waits")]));
  };

  const showAttention = () => {
    const mayReadRequests = "mayReadRequests" in byId("attention").dataset;
    const items = state.attention.map(({ level, text, url, requests }) => {
      const words = element("span", {}, element("span", { class: "sr-only" }, say(level)), text);
      const notice = element("a", { class: "notice", "data-level": level, href: url }, icon(SYMBOLS[level]), words);
      return element("li", {}, notice, requests && mayReadRequests && element("a", { class: "more", href: requests }, say("their_requests")));
    });
    const well = element("li", { class: "notice", "data-level": "well" }, icon("check_circle"), say("well"));
    byId("attention").replaceChildren(...(items.length ? items : [well]));
  };

  const showReleases = () => {
    const items = state.releases.map(({ key, key_url: url, model, kind, until }) =>
      element(
        "li",
        { class: "release" },
        element("a", { href: url, class: "name" }, key),
        Gateway.countdown(until),
        element("span", { class: "muted" }, `${model || say("every_model")} · ${kind}`),
        element("span", { class: "muted until" }, Gateway.time(until)),
      ),
    );
    byId("releases").replaceChildren(...(items.length ? items : [nothing(say("no_cooling"))]));
  };

  const showEvents = () => {
    const items = state.events.map((event) => {
      const about = [event.project && say("project", { project: event.project }), event.model || say("every_model")].filter(Boolean).join(" · ");
      const until = event.until
        ? element("span", { class: "muted until" }, ...sayParts("out_until", { time: Gateway.time(event.until) }))
        : element("span", { class: "muted until" }, say("for_operator"));
      return element(
        "li",
        { class: "event" },
        element("span", { class: "muted at" }, Gateway.time(event.at)),
        element("span", { class: "what" }, element("a", { href: event.url, class: "name" }, event.key), element("span", { class: "muted" }, about)),
        element("span", { class: "kind" }, `${event.status} ${event.kind}`),
        until,
      );
    });
    byId("events").replaceChildren(...(items.length ? items : [nothing(say("no_event"))]));
  };

  const showTokens = () => {
    const models = state.tokens_by_model;
    const most = Math.max(1, ...models.map(({ prompt, output }) => prompt + output));
    const items = models.map(({ model, prompt, output }) => {
      const bar = element("span", { class: "bar", "aria-hidden": "true" });
      for (const [name, count] of [["prompt", prompt], ["output", output]]) {
        const piece = element("span", { "data-token": name });
        piece.style.width = `${(100 * count) / most}%`;
        bar.append(piece);
      }
      const figures = say("in_and_out", { into: numbers.short(prompt), out: numbers.short(output) });
      return element("li", {}, element("span", { class: "name" }, model), element("span", { class: "muted" }, figures), bar);
    });
    byId("tokens").replaceChildren(...(items.length ? items : [nothing(say("no_tokens"))]));
  };

  const showClients = () => {
    if (!byId("clients")) return;
    const { total, active, top } = state.clients;
    const items = top.map(({ name, url, requests, refused, tokens }) => {
      const figures = [say("requests", { count: numbers.short(requests) }), say("tokens", { count: numbers.short(tokens) })];
      if (refused) figures.push(say("refused", { count: numbers.short(refused) }));
      return element(
        "li",
        { class: "client" },
        element("a", { href: url, class: "name" }, name),
        element("span", { class: "muted" }, figures.join(" · ")),
      );
    });
    const counted = say("active", { count: total, active: numbers.count(active), total: numbers.count(total) });
    byId("clients-note").textContent = total ? counted : say("no_token");
    byId("clients").replaceChildren(...(items.length || !total ? items : [nothing(say("unused"))]));
  };

  const chosenPeriod = () => document.querySelector('[name="period"]:checked').value;
  const chosenView = () => document.querySelector('[name="view"]:checked').value;

  // The chart is made once it can be seen: a hidden canvas has no size.
  const showChart = () => {
    if (!state.has_traffic) return;
    chart = chart || Gateway.outcomeChart({
      canvas: byId("requests-chart"),
      legend: byId("outcomes"),
      table: byId("requests-table"),
      details: byId("requests-details"),
    });
    // What was counted before clients' outcomes were is there as attempts only.
    const view = chart.has(state.chart, chosenView()) ? chosenView() : "attempts";
    byId("requests-note").textContent = say(`note_${view}`, { zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
    chart.show(state.chart, chosenPeriod(), view);
  };

  const arrange = () => {
    const shown = {
      empty: state.is_empty,
      quiet: !state.is_empty && !state.has_traffic,
      keys: !state.is_empty,
      traffic: state.has_traffic,
      tokens: state.clients.total > 0,
      tokenless: state.clients.total === 0,
    };
    for (const part of document.querySelectorAll("[data-show]")) part.hidden = !shown[part.dataset.show];
  };

  const draw = (fields) => {
    const has = (...names) => names.some((name) => name in fields);
    if (has("at")) times.setServerTime(fields.at);
    if (has("is_empty", "has_traffic", "clients")) arrange();
    if (has("keys", "groups", "labels")) strip.build(state);
    else if (has("keys_changed")) strip.change(fields.keys_changed);
    if (has("cards")) showCards();
    if (has("keys", "groups", "labels", "keys_changed")) showFirstRelease();
    if (has("chart", "has_traffic")) showChart();
    if (has("attention")) showAttention();
    if (has("releases")) showReleases();
    if (has("events")) showEvents();
    if (has("tokens_by_model")) showTokens();
    if (has("clients")) showClients();
    times.refresh(byId("dashboard"));
  };

  // The full state has every field.
  const receive = (message) => {
    if (message.type !== "dashboard") return;
    state = { ...state, ...message };
    if (message.keys_changed) {
      const changed = new Map(message.keys_changed.map((row) => [row[0], row]));
      state.keys = state.keys.map((row) => changed.get(row[0]) || row);
    }
    draw(message);
  };

  // Radio buttons of that name, of which one is remembered.
  const offer = (name, place, first, changed) => {
    const inputs = document.querySelectorAll(`[name="${name}"]`);
    const remembered = localStorage.getItem(place) || first;
    for (const input of inputs) {
      input.checked = input.value === remembered;
      input.addEventListener("change", () => {
        localStorage.setItem(place, input.value);
        changed();
      });
    }
    if (![...inputs].some((input) => input.checked)) inputs[0].checked = true;
  };

  const offerChoices = () => {
    split = Gateway.outcomeSplit({ details: byId("split-details"), table: byId("split-table"), note: byId("split-note"), period: chosenPeriod });
    offer("period", PERIOD, "1h", () => {
      showChart();
      split.refresh();
    });
    offer("view", VIEW, "clients", showChart);
  };

  // The clipboard is only there over HTTPS and on this machine; elsewhere the text is selected.
  const offerCopies = () => {
    for (const button of document.querySelectorAll("[data-copy]")) {
      const text = byId(button.dataset.copy);
      button.addEventListener("click", async () => {
        getSelection().selectAllChildren(text);
        if (!navigator.clipboard) return;
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = say("copied");
        setTimeout(() => (button.textContent = say("copy")), 2000);
      });
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin + Gateway.root;
    strip = Gateway.keyStrip(byId("key-strip"));
    offerChoices();
    offerCopies();
    receive(JSON.parse(byId("dashboard-state").textContent));
    Gateway.live.watch({ watch: "dashboard" }, receive);
  });
})();
