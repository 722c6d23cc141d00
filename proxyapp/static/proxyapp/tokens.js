"use strict";

// The page that shows a token once: examples have the address under which the operator sees the gateway, and to load the
// page again leads to the page of the token, not to the form being sent once more.
document.addEventListener("DOMContentLoaded", () => {
  const shown = document.getElementById("shown-once");
  if (!shown) return;
  for (const place of document.querySelectorAll("[data-origin]")) place.textContent = location.origin + Gateway.root;
  history.replaceState(null, "", shown.dataset.page);
});
