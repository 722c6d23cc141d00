"use strict";

// The list of groups: Enter in a position saves. By itself the browser would press the first button, which is that of
// the actions.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("#result_list .field-position input")) return;
  event.preventDefault();
  event.target.form.requestSubmit(document.querySelector('button[name="_save"]'));
});

// The page of a group: buttons that copy a text. The clipboard is only there over HTTPS and on this machine;
// elsewhere the text is selected.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const text = document.getElementById(button.dataset.copy);
    const { textContent: label, dataset } = button;
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(text);
      if (!navigator.clipboard) return;
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = dataset.copied ?? "Copied";
      setTimeout(() => (button.textContent = label), 2000);
    });
  }
});
