"use strict";

// Everywhere in the admin: <time data-local datetime="…"> is shown in the browser's zone, with UTC on hover
// (data-local="short": without what is the same today), and <span data-until="…"> counts down.
window.Gateway = window.Gateway || {};

Gateway.times = (() => {
  const SKEW_MILLISECONDS = 2000;
  let ahead = 0; // by so many milliseconds the server's clock is ahead of this one

  const now = () => Date.now() + ahead;

  // Only a clock that is wrong is corrected: the way from the server takes time, too.
  const setServerTime = (iso) => {
    const difference = Date.parse(iso) - Date.now();
    ahead = Math.abs(difference) > SKEW_MILLISECONDS ? difference : 0;
  };

  const two = (number) => String(number).padStart(2, "0");
  const { say, words } = Gateway;
  const dayText = (date) => words.day.replace("YYYY", date.getFullYear()).replace("MM", two(date.getMonth() + 1)).replace("DD", two(date.getDate()));
  const clockText = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;
  const utcText = (date) => `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const fullText = (date) => `${dayText(date)} ${clockText(date)}:${two(date.getSeconds())}`;

  const shortText = (date) => {
    const clock = `${clockText(date)}:${two(date.getSeconds())}`;
    if (dayText(date) === dayText(new Date(now()))) return clock;
    const day = date.toLocaleDateString(Gateway.locale, { month: "short", day: "numeric" });
    return say("day_and_clock", { day, clock: clockText(date) });
  };

  // 45 s, 12 min 05 s, 3 h 12 min, 2 d 3 h: rounded up, so that what it says has never passed already.
  const countdown = (milliseconds) => {
    const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
    const text = (number, unit) => `${number}\u00a0${words.units[unit]}`;
    if (seconds < 60) return text(seconds, "s");
    if (seconds < 3600) return `${text(Math.floor(seconds / 60), "min")} ${text(two(seconds % 60), "s")}`;
    const minutes = Math.ceil(seconds / 60);
    if (minutes < 48 * 60) return `${text(Math.floor(minutes / 60), "h")} ${text(minutes % 60, "min")}`;
    const hours = Math.ceil(minutes / 60);
    return `${text(Math.floor(hours / 24), "d")} ${text(hours % 24, "h")}`;
  };

  const left = (iso) => countdown(Date.parse(iso) - now());

  const show = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const refresh = (root = document) => {
    for (const time of root.querySelectorAll("time[data-local][datetime]")) {
      const date = new Date(time.dateTime);
      if (isNaN(date)) continue;
      show(time, time.dataset.local === "short" ? shortText(date) : fullText(date));
      time.title = utcText(date);
    }
    for (const span of root.querySelectorAll("[data-until]")) {
      const date = new Date(span.dataset.until);
      if (isNaN(date)) continue;
      show(span, countdown(date - now()));
      if (!span.title) span.title = say("until", { time: fullText(date) });
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    refresh();
    setInterval(refresh, 1000);
  });

  return { now, setServerTime, refresh, left, clockText, shortText };
})();
