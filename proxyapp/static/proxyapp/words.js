"use strict";

// What scripts say comes with the page, in its language: texts with places, such as "since %(time)s". Some pages have more.
window.Gateway = window.Gateway || {};

Gateway.words = Object.assign({}, ...[...document.querySelectorAll("#script-words, #page-words")].map((said) => JSON.parse(said.textContent)));
Gateway.locale = document.documentElement.lang === "en" ? "en-US" : document.documentElement.lang;

// What is put into the places may be nodes. Of two texts, `count` tells which: that of one, or that of many.
Gateway.sayParts = (name, places = {}) => {
  const said = Gateway.words[name];
  const text = Array.isArray(said) ? said[places.count === 1 ? 0 : 1] : said;
  return text.split(/%\((\w+)\)s/).map((part, index) => (index % 2 ? places[part] : part));
};

Gateway.say = (name, places) => Gateway.sayParts(name, places).join("");
