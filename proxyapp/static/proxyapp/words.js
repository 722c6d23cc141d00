"use strict";

// What the page's scripts say comes with the page, in its language: texts with places, such as "since %(time)s".
window.Gateway = window.Gateway || {};

Gateway.pageWords = JSON.parse(document.getElementById("page-words").textContent);

// What is put into the places may be nodes. Of two texts, `count` tells which: that of one, or that of many.
Gateway.sayParts = (name, places = {}) => {
  const said = Gateway.pageWords[name];
  const text = Array.isArray(said) ? said[places.count === 1 ? 0 : 1] : said;
  return text.split(/%\((\w+)\)s/).map((part, index) => (index % 2 ? places[part] : part));
};

Gateway.say = (name, places) => Gateway.sayParts(name, places).join("");
