"use strict";

// Numbers as operators read them. The space before a unit does not break.
window.Gateway = window.Gateway || {};

Gateway.numbers = (() => {
  const NBSP = "\u00a0";
  const whole = new Intl.NumberFormat(Gateway.locale);

  // 12,345
  const count = (number) => whole.format(number);

  // 999, 12.3 k, 4.56 M: three digits at most.
  const short = (number) => {
    const found = Gateway.words.sizes.find(([, size]) => number >= size * 0.9995);
    return found ? `${Number((number / found[1]).toPrecision(3))}${NBSP}${found[0]}` : count(number);
  };

  // Rounded down: only what is whole is 100 %.
  const percent = (share) => `${Math.floor(share * 1000 + 1e-6) / 10}${NBSP}%`;

  const milliseconds = (number) => {
    if (number < 10) return `${number.toFixed(1)}${NBSP}ms`;
    if (number < 1000) return `${Math.round(number)}${NBSP}ms`;
    return `${(number / 1000).toPrecision(3)}${NBSP}s`;
  };

  return { count, short, percent, milliseconds };
})();
