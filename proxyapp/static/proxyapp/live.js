"use strict";

// The socket of the admin's pages: says what to watch, hands on what it hears, and shows whether it is connected.
window.Gateway = window.Gateway || {};

Gateway.live = (() => {
  const LOGGED_OUT = 4401;
  const REFUSED = [4400, 4403];
  const FIRST_DELAY = 500;
  const LONGEST_DELAY = 5000;
  const LONGEST_SILENCE = 50_000; // the server says something every 20 s
  const CHEAP_PAGE = `${Gateway.root}/admin/jsi18n/`;
  const TEXTS = Gateway.words.live;

  const makeBadge = () => {
    const badge = document.createElement("span");
    badge.id = "live-status";
    badge.className = "live-status";
    badge.setAttribute("role", "status");
    badge.setAttribute("aria-live", "polite");
    document.querySelector("#header-inner h1").after(badge);
    return badge;
  };

  // A socket that is refused does not say why: a page without a session leads to the login.
  const isLoggedOut = async () => {
    const response = await fetch(CHEAP_PAGE, { redirect: "manual" }).catch(() => null);
    return response?.type === "opaqueredirect";
  };

  // What is heard first, after each connection, is the full state.
  const watch = (wish, receive) => {
    const badge = makeBadge();
    const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${Gateway.root}/ws/admin/live/`;
    let socket = null;
    let delay = FIRST_DELAY;
    let retry = 0;
    let silence = 0;
    let isLeaving = false;

    const show = (state) => {
      badge.dataset.live = state;
      if (badge.textContent !== TEXTS[state]) badge.textContent = TEXTS[state];
    };

    const connect = () => {
      const current = (socket = new WebSocket(url));
      let isOpen = false;
      current.addEventListener("open", () => {
        isOpen = true;
        current.send(JSON.stringify({ ...wish, language: document.documentElement.lang }));
      });
      current.addEventListener("message", (event) => {
        clearTimeout(silence);
        silence = setTimeout(() => current.close(), LONGEST_SILENCE);
        delay = FIRST_DELAY;
        show("live");
        receive(JSON.parse(event.data));
      });
      current.addEventListener("close", ({ code }) => closed(code, isOpen));
    };

    const closed = async (code, wasOpen) => {
      clearTimeout(silence);
      if (isLeaving) return;
      if (REFUSED.includes(code)) return show("off");
      show("reconnecting");
      if (code === LOGGED_OUT || (!wasOpen && (await isLoggedOut()))) return leave();
      retry = setTimeout(connect, delay);
      delay = Math.min(delay * 2, LONGEST_DELAY);
    };

    // Without a session the page leads to the login, and from there back here.
    const leave = () => {
      isLeaving = true;
      location.reload();
    };

    const hurry = () => {
      if (document.hidden || isLeaving || !retry || socket.readyState !== WebSocket.CLOSED) return;
      clearTimeout(retry);
      retry = 0;
      connect();
    };

    window.addEventListener("pagehide", () => (isLeaving = true));
    window.addEventListener("pageshow", (event) => {
      if (!event.persisted) return;
      isLeaving = false;
      if (socket.readyState !== WebSocket.OPEN) connect();
    });
    window.addEventListener("online", hurry);
    document.addEventListener("visibilitychange", hurry);
    show("connecting");
    connect();
  };

  return { watch };
})();
