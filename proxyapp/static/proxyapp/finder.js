"use strict";
// Ctrl-K or Cmd-K: finds keys, groups, client tokens and pages. What is typed goes into a body, never into an address:
// it may be a whole key.
{
  const { element, icon } = window.Gateway;
  const DELAY_MILLISECONDS = 150;
  let asked = 0;
  let timer;
  let chosen = -1;

  const parts = () => {
    const dialog = document.getElementById("finder");
    return dialog && {
      dialog, form: dialog.querySelector("form"), input: dialog.querySelector("input[name=text]"),
      list: document.getElementById("finder-found"), note: document.getElementById("finder-nothing"),
    };
  };

  function choose(index) {
    const { list, input } = parts();
    const rows = [...list.children];
    chosen = rows.length ? (index + rows.length) % rows.length : -1;
    rows.forEach((row, i) => row.setAttribute("aria-selected", String(i === chosen)));
    if (chosen < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", rows[chosen].id);
      rows[chosen].scrollIntoView({ block: "nearest" });
    }
  }

  function show(found) {
    const { list, note, input } = parts();
    list.replaceChildren(...found.map((item, i) => element(
      "li", { role: "option", id: `found-${i}`, "data-url": item.url, "aria-selected": "false" },
      icon(item.icon), element("span", { class: "found-name" }, item.title), element("span", { class: "found-kind" }, item.detail),
    )));
    note.textContent = found.length || !input.value.trim() ? "" : note.dataset.nothing;
    choose(0);
  }

  async function ask() {
    const { form, note } = parts();
    const turn = ++asked;
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => null);
    if (turn !== asked) return;
    if (answer?.type === "opaqueredirect") location.reload();
    else if (answer?.ok) show((await answer.json()).found);
    else note.textContent = note.dataset.away;
  }

  function go(inNewTab) {
    const url = parts().list.children[chosen]?.dataset.url;
    if (url && inNewTab) window.open(url, "_blank", "noopener");
    else if (url) location.assign(url);
  }

  function open() {
    const found = parts();
    if (!found || found.dialog.open) return;
    found.dialog.showModal();
    found.input.select();
    ask();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      open();
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    const found = parts();
    if (!found) return;
    for (const button of document.querySelectorAll("[data-find]")) button.addEventListener("click", open);
    found.dialog.addEventListener("click", (event) => { if (event.target === found.dialog) found.dialog.close(); });
    found.form.addEventListener("submit", (event) => { event.preventDefault(); go(false); });
    found.input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, DELAY_MILLISECONDS); });
    found.input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter") {
        event.preventDefault();
        go(event.ctrlKey || event.metaKey);
      }
    });
    found.list.addEventListener("mousemove", (event) => {
      const row = event.target.closest("li");
      if (row && row.getAttribute("aria-selected") !== "true") choose([...found.list.children].indexOf(row));
    });
    found.list.addEventListener("click", (event) => go(event.ctrlKey || event.metaKey));
  });
}
