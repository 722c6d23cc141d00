"use strict";

// What is typed into a form is not lost: not by leaving its page, and not by a log-out in between. It stays in the page,
// and nowhere else: keys and passwords with it.
{
  const NO_FORM = "#changelist-form, .quota-choice, [role=search]";
  const OF_PAGE = ["csrfmiddlewaretoken", "form_number"];
  const atFirst = new WeakMap();
  const touched = new WeakSet();
  const asked = new WeakSet();
  // Somebody who comes back to the page is asked about at once. Else a session hardly ends from one minute to the next.
  const SURE_MILLISECONDS = 60_000;
  let sureAt = Date.now();
  let turn = Promise.resolve();
  let isAsking = false;
  let isLeaving = false;

  const isPost = (form) => form?.getAttribute("method")?.toLowerCase() === "post";
  const isKept = (form) => isPost(form) && form.closest("#content") && !form.matches(NO_FORM);
  const forms = () => [...document.forms].filter(isKept);

  const content = (form) => {
    const values = [...new FormData(form)].filter(([name]) => !OF_PAGE.includes(name));
    return JSON.stringify(values.map(([name, value]) => [name, value.name ?? value]));
  };

  // What came back with an error is as little saved as what was just typed.
  const hasErrors = (form) => form.querySelector("[aria-invalid=true]") !== null;
  const isUnsaved = (form) => touched.has(form) && (hasErrors(form) || content(form) !== atFirst.get(form));
  const hasFields = (form) => [...form.elements].some((field) => field.name && field.type !== "hidden" && field.type !== "submit");

  const warn = (event) => {
    if (!isLeaving && forms().some(isUnsaved)) event.preventDefault();
  };

  const hear = ({ target }) => {
    if (!isKept(target.form)) return;
    touched.add(target.form);
    window.addEventListener("beforeunload", warn);
  };

  const start = (notice) => {
    // Undefined: no answer. Null: nobody is logged in.
    const session = async (form) => {
      const headers = { "x-form-number": form.elements.form_number?.value ?? "" };
      const response = await fetch(notice.dataset.url, { headers, redirect: "manual", cache: "no-store" }).catch(() => null);
      if (response?.type === "opaqueredirect") return null;
      return response?.ok ? response.json().catch(() => undefined) : undefined;
    };

    const say = (when, form) => {
      for (const line of notice.querySelectorAll("[data-when]")) line.hidden = line.dataset.when !== when;
      notice.hidden = false;
      notice.dataset.says = when;
      form.before(notice);
      notice.scrollIntoView({ block: "center" });
      notice.focus({ preventScroll: true });
    };

    // Somebody else's page does not get what was typed.
    const startAnew = () => {
      isLeaving = true;
      location.replace(location.pathname + location.search);
    };

    const newNumber = async () => {
      const html = await (await fetch(location.pathname + location.search, { cache: "no-store" })).text();
      return new DOMParser().parseFromString(html, "text/html").querySelector("[name=form_number]")?.value;
    };

    const renew = async (form, { csrf, knows_number }) => {
      for (const field of document.getElementsByName("csrfmiddlewaretoken")) field.value = csrf;
      const number = form.elements.form_number;
      if (number && !knows_number) number.value = (await newNumber().catch(() => "")) || number.value;
    };

    const isStillTheirs = async (form, found) => {
      if (found === null) say("ended", form);
      else if (found && found.user !== notice.dataset.user) startAnew();
      else if (found) await renew(form, found);
      sureAt = found ? Date.now() : 0;
      return found === undefined || found?.user === notice.dataset.user;
    };

    // One after the other: two at a time would ask for two numbers of one form.
    const inTurn = (work) => (turn = turn.then(work, work));

    const ask = async (form, button) => {
      const isTheirs = await isStillTheirs(form, await session(form));
      isAsking = false;
      if (!isTheirs) return;
      asked.add(form);
      form.requestSubmit(button);
    };

    const send = (event) => {
      const form = event.target;
      if (!isKept(form)) return;
      const isNew = isUnsaved(form) || ("posted" in notice.dataset && hasFields(form));
      const isSure = Math.abs(Date.now() - sureAt) < SURE_MILLISECONDS;
      if (isNew && !isSure && !asked.delete(form)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (!isAsking) inTurn(() => ask(form, event.submitter));
        isAsking = true;
        return;
      }
      asked.delete(form);
      touched.delete(form);
      atFirst.set(form, content(form));
    };

    const look = async () => {
      const form = notice.hidden ? forms().find(isUnsaved) : notice.nextElementSibling;
      if (document.hidden || !form) return;
      sureAt = 0;
      const found = await session(form);
      const wasEnded = notice.dataset.says === "ended";
      if (found === null && wasEnded) return;
      if ((await isStillTheirs(form, found)) && found && wasEnded) say("back", form);
    };

    for (const form of forms()) atFirst.set(form, content(form));
    for (const kind of ["input", "change"]) document.addEventListener(kind, hear, true);
    document.addEventListener("submit", send, true);
    document.addEventListener("visibilitychange", () => inTurn(look));
    window.addEventListener("focus", () => inTurn(look));
  };

  document.addEventListener("DOMContentLoaded", () => {
    const notice = document.getElementById("kept-form");
    if (notice) start(notice);
  });
}
