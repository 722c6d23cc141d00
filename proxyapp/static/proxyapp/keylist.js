"use strict";

// Keeps the list of keys up to date: rows bear data-key-id, and inside them data-field="state", "requests", ….
(() => {
  const { element, numbers } = Gateway;
  const MOST_KEYS = 200; // that the server tells one page of
  const MODELS_SHOWN = 3;
  const NUMBERS = {
    requests: "requests",
    rate_limited: "rate_limited",
    errors: "errors",
    tokens_in: "prompt_tokens",
    tokens_out: "output_tokens",
  };
  // As the theme's label.html colours its variants.
  const TONES = {
    available: "bg-green-100 text-green-700 dark:bg-green-500/20 dark:text-green-400",
    cooling: "bg-orange-100 text-orange-700 dark:bg-orange-500/20 dark:text-orange-400",
    disabled: "bg-base-500/8 text-base-700 dark:bg-base-500/20 dark:text-base-200",
    invalid: "bg-red-100 text-red-700 dark:bg-red-500/20 dark:text-red-400",
  };
  const SHAPE = "inline-block font-semibold rounded-default text-[11px] uppercase whitespace-nowrap h-6 leading-6 px-2";

  const detail = (...content) => element("span", { class: "state-detail" }, ...content);
  const left = (until) => element("span", { "data-until": until });

  const stateParts = ({ state, cooldowns }) => {
    const parts = [element("span", { class: `${SHAPE} ${TONES[state]}` }, state)];
    if (state === "disabled" || state === "invalid") return parts;
    const whole = cooldowns.find(({ model }) => !model);
    if (whole) {
      parts.push(" ", element("span", { class: "state-left" }, left(whole.until)));
      parts.push(detail(`${whole.reason}, until `, Gateway.time(whole.until)));
    }
    const models = cooldowns.filter(({ model }) => model);
    const shown = models.slice(0, MODELS_SHOWN);
    parts.push(...shown.map(({ model, until, reason }) => detail(`${model} out for `, left(until), ` (${reason})`)));
    if (models.length > shown.length) parts.push(detail(`and ${models.length - shown.length} more models`));
    return parts;
  };

  // Of a key that stays disabled or invalid the page says why, and the message does not.
  const putState = (place, key) => {
    const says = JSON.stringify([key.state, key.cooldowns]);
    const isSame = place.firstElementChild?.textContent.trim() === key.state;
    if (place.dataset.says === says || (isSame && (key.state === "disabled" || key.state === "invalid"))) return;
    place.dataset.says = says;
    place.replaceChildren(...stateParts(key));
    Gateway.times.refresh(place);
  };

  const putNumber = (place, number) => {
    place.textContent = numbers.short(number);
    place.title = numbers.count(number);
  };

  const putUsed = (place, iso) => {
    if (!iso || place.querySelector("time")?.dateTime === iso) return;
    place.replaceChildren(Gateway.time(iso));
    Gateway.times.refresh(place);
  };

  const update = (row, key) => {
    for (const place of row.querySelectorAll("[data-field]")) {
      const field = place.dataset.field;
      if (field === "state") putState(place, key);
      else if (field === "used") putUsed(place, key.last_used_at);
      else if (field in NUMBERS) putNumber(place, key[NUMBERS[field]]);
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const rows = new Map();
    for (const row of document.querySelectorAll("[data-key-id]")) rows.set(row.dataset.keyId, row);
    if (!rows.size) return;
    const ids = [...rows.keys()].map(Number).slice(0, MOST_KEYS);
    Gateway.live.watch({ watch: "keys", ids }, (message) => {
      if (message.type !== "keys") return;
      for (const key of message.keys) if (rows.has(String(key.id))) update(rows.get(String(key.id)), key);
    });
  });
})();
