"use strict";

// The page of a test of many keys: while it goes on, its part is asked for anew. What is answered in another way (a
// log-in, a right that is gone) the page itself shows.
(() => {
  const EVERY = 2000;
  const part = document.getElementById("key-test");

  // What is told aloud stays the same element; what stands below it is new.
  const put = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const [old, fresh] = [part, template.content].map((place) => place.querySelector("[role=status]"));
    if (!fresh) return location.reload();
    if (old.innerHTML !== fresh.innerHTML) old.innerHTML = fresh.innerHTML;
    old.toggleAttribute("data-is-running", fresh.hasAttribute("data-is-running"));
    while (old.nextSibling) old.nextSibling.remove();
    while (fresh.nextSibling) part.append(fresh.nextSibling);
  };

  const follow = async () => {
    const response = await fetch("?part", { redirect: "manual" }).catch(() => null);
    if (response?.ok) put(await response.text());
    else if (response && response.status < 500) return location.reload();
    if (part.querySelector("[data-is-running]")) setTimeout(follow, EVERY);
  };

  if (part.querySelector("[data-is-running]")) setTimeout(follow, EVERY);
})();
