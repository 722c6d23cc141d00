"use strict";

window.Gateway = window.Gateway || {};

// element("a", {href, class, "data-x": …}, child, …): a child is a node or text; what is null or false is left out.
Gateway.element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(attribute, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
};

// What the gateway is deployed below, such as /gemini; mostly nothing.
Gateway.root = location.pathname.slice(0, Math.max(0, location.pathname.indexOf("/admin/")));

Gateway.icon = (name) => Gateway.element("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, name);

// A time of the browser's zone, and a countdown: times.js fills both.
Gateway.time = (iso) => Gateway.element("time", { datetime: iso, "data-local": "short" }, iso);
Gateway.countdown = (iso) => Gateway.element("span", { class: "countdown", "data-until": iso });
