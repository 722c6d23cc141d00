"use strict";
// The theme's pages have small expressions in their attributes, which Alpine compiles with `new Function`. The admin's
// Content-Security-Policy has no 'unsafe-eval', so they are interpreted here: as much of the language as the theme
// uses, and of the page's globals only those that it names.
{
  const GLOBALS = new Set([
    "theme", "searchForm", "searchDropdown", "searchCommand", "getCurrentTab", "sortRecords", "moveRecords",
    "applyShortcut", "localStorage", "window", "undefined",
  ]);
  const FORBIDDEN = new Set(["constructor", "__proto__", "prototype", "eval", "Function", "document", "parent", "top"]);
  const TOKENS = /\s*(?:(\d+(?:\.\d+)?)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([\p{L}_$][\p{L}\p{N}_$]*)|(=>|[=!]==?|[<>]=?|&&|\|\||\?\?|[-+*/%!?:.,;=(){}[\]]))/uy;
  const LEVELS = [["??", "||"], ["&&"], ["==", "!=", "===", "!=="], ["<", ">", "<=", ">="], ["+", "-"], ["*", "/", "%"]];
  const OPERATORS = {
    "==": (a, b) => a == b, "!=": (a, b) => a != b, "===": (a, b) => a === b, "!==": (a, b) => a !== b,
    "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b,
  };
  const LAZY = { "??": (a, b, s) => a(s) ?? b(s), "||": (a, b, s) => a(s) || b(s), "&&": (a, b, s) => a(s) && b(s) };
  const WORDS = { true: true, false: false, null: null, undefined };

  function tokens(text) {
    const found = [];
    TOKENS.lastIndex = 0;
    while (text.slice(TOKENS.lastIndex).trim()) {
      const at = TOKENS.lastIndex;
      const match = TOKENS.exec(text);
      if (!match) throw new SyntaxError(`expression not understood at ${at}: ${text}`);
      const [, number, string, name, sign] = match;
      if (number) found.push({ value: Number(number) });
      else if (string) found.push({ value: string.slice(1, -1).replace(/\\(.)/g, "$1") });
      else found.push(name ? { name } : { sign });
    }
    return found;
  }

  function checked(key) {
    if (FORBIDDEN.has(String(key))) throw new TypeError(`${key} is not for expressions`);
    return key;
  }

  function lookUp(scope, name) {
    if (name in scope) return scope[checked(name)];
    if (!GLOBALS.has(name)) throw new ReferenceError(`${name} is not defined`);
    return name === "moveRecords" ? moveRecords : globalThis[name]; // the theme's constant is no property of window
  }

  // A node is a function of the scope; one that can be assigned to has `put`, one that has an object has `owner`.
  class Parser {
    constructor(text) {
      this.text = text;
      this.all = tokens(text);
      this.at = 0;
    }

    is(sign) { return this.all[this.at]?.sign === sign; }
    isName(name) { return this.all[this.at]?.name === name; }
    takes(sign) { return this.is(sign) && Boolean(++this.at); }

    needs(sign) {
      if (!this.takes(sign)) throw new SyntaxError(`expression without ${sign}: ${this.text}`);
    }

    program(end) {
      const parts = [];
      while (this.at < this.all.length && !(end && this.is(end))) {
        if (!this.takes(";")) parts.push(this.statement());
      }
      return (scope) => parts.reduce((_, part) => part(scope), undefined);
    }

    statement() {
      if (!this.isName("if")) return this.expression();
      this.at++;
      this.needs("(");
      const test = this.expression();
      this.needs(")");
      const yes = this.branch();
      let no = () => undefined;
      if (this.isName("else")) {
        this.at++;
        no = this.branch();
      }
      return (scope) => (test(scope) ? yes(scope) : no(scope));
    }

    branch() {
      if (!this.takes("{")) return this.statement();
      const body = this.program("}");
      this.needs("}");
      return body;
    }

    expression() {
      const names = this.arrow();
      if (names) return this.lambda(names);
      const left = this.conditional();
      if (!this.takes("=")) return left;
      if (!left.put) throw new SyntaxError(`nothing to assign to: ${this.text}`);
      const value = this.expression();
      return (scope) => left.put(scope, value(scope));
    }

    arrow() {
      const [first, second] = this.all.slice(this.at);
      if (!first?.name || second?.sign !== "=>") return null;
      this.at += 2;
      return [first.name];
    }

    lambda(names) {
      const body = this.expression();
      return (scope) => (...given) => body(inner(scope, Object.fromEntries(names.map((name, i) => [name, given[i]]))));
    }

    conditional() {
      const test = this.binary(0);
      if (!this.takes("?")) return test;
      const yes = this.expression();
      this.needs(":");
      const no = this.expression();
      return (scope) => (test(scope) ? yes(scope) : no(scope));
    }

    binary(level) {
      if (level === LEVELS.length) return this.unary();
      let left = this.binary(level + 1);
      while (LEVELS[level].includes(this.all[this.at]?.sign)) {
        const sign = this.all[this.at++].sign;
        const a = left;
        const b = this.binary(level + 1);
        left = LAZY[sign] ? (scope) => LAZY[sign](a, b, scope) : (scope) => OPERATORS[sign](a(scope), b(scope));
      }
      return left;
    }

    unary() {
      for (const [sign, of] of [["!", (a) => !a], ["-", (a) => -a]]) {
        if (!this.takes(sign)) continue;
        const operand = this.unary();
        return (scope) => of(operand(scope));
      }
      return this.postfix(this.primary());
    }

    postfix(node) {
      if (this.takes(".")) {
        const { name } = this.all[this.at++];
        return this.postfix(member(node, () => name));
      }
      if (this.takes("[")) {
        const key = this.expression();
        this.needs("]");
        return this.postfix(member(node, key));
      }
      return this.takes("(") ? this.postfix(call(node, this.list(")"))) : node;
    }

    list(end) {
      const parts = [];
      while (!this.takes(end)) {
        parts.push(this.expression());
        if (!this.is(end)) this.needs(",");
      }
      return parts;
    }

    primary() {
      const token = this.all[this.at++];
      if (!token) throw new SyntaxError(`expression without an end: ${this.text}`);
      if ("value" in token) return () => token.value;
      if (token.name) return token.name in WORDS ? () => WORDS[token.name] : variable(token.name);
      if (token.sign === "[") {
        const parts = this.list("]");
        return (scope) => parts.map((part) => part(scope));
      }
      if (token.sign === "{") return this.object();
      if (token.sign !== "(") throw new SyntaxError(`expression not understood: ${this.text}`);
      const node = this.expression();
      this.needs(")");
      return node;
    }

    object() {
      const parts = [];
      while (!this.takes("}")) {
        const token = this.all[this.at++];
        const key = checked(token.name ?? token.value);
        parts.push([key, this.takes(":") ? this.expression() : variable(key)]);
        if (!this.is("}")) this.needs(",");
      }
      return (scope) => Object.fromEntries(parts.map(([key, value]) => [key, value(scope)]));
    }
  }

  function variable(name) {
    const node = (scope) => lookUp(scope, name);
    node.put = (scope, value) => {
      return ((name in scope ? scope : undeclared)[checked(name)] = value);
    };
    node.owner = (scope) => (name in scope ? scope : undefined);
    return node;
  }

  function member(object, key) {
    const node = (scope) => object(scope)[checked(key(scope))];
    node.put = (scope, value) => (object(scope)[checked(key(scope))] = value);
    node.owner = object;
    node.key = key;
    return node;
  }

  function call(node, parts) {
    return (scope) => {
      const owner = node.owner?.(scope);
      const found = node.key ? owner[checked(node.key(scope))] : node(scope);
      return found.apply(owner, parts.map((part) => part(scope)));
    };
  }

  function inner(scope, added) {
    return Alpine.mergeProxies([added, scope]);
  }

  const programs = new Map();
  const undeclared = {}; // variables of the theme that no x-data has: shared by the page, and no property of window

  function program(text) {
    if (!programs.has(text)) programs.set(text, new Parser(text).program());
    return programs.get(text);
  }

  // Alpine writes a text of styles into the attribute, which the policy forbids, and an object of them property by property.
  function asStyles(text) {
    const parts = text.split(";").map((part) => part.split(/:(.*)/s).map((word) => word.trim()));
    return Object.fromEntries(parts.filter(([name]) => name));
  }

  function evaluator(element, expression) {
    const isStyle = typeof expression === "string" && element.getAttribute("x-bind:style") === expression;
    const stack = [{ $el: element }, ...Alpine.closestDataStack(element), undeclared];
    return (receive = () => {}, { scope = {}, params = [] } = {}) => {
      const whole = Alpine.mergeProxies([scope, ...stack]);
      try {
        const value = typeof expression === "function" ? expression.apply(whole, params) : program(expression)(whole);
        const result = typeof value === "function" ? value.apply(whole, params) : value;
        if (result instanceof Promise) result.then(receive);
        else receive(isStyle && typeof result === "string" ? asStyles(result) : result);
      } catch (error) {
        console.error(`Alpine: ${expression}`, error);
      }
    };
  }

  document.addEventListener("alpine:init", () => Alpine.setEvaluator(evaluator));
  document.addEventListener("alpine:initialized", () => document.documentElement.setAttribute("data-scripts", ""));

  // The styles of the indicators are in admin.css.
  Object.assign(htmx.config, { allowEval: false, includeIndicatorStyles: false });
}
