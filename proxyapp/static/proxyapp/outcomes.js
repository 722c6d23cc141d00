"use strict";

// The chart of requests by outcome, its legend with totals, and the same as a table.
window.Gateway = window.Gateway || {};

Gateway.outcomeChart = ({ canvas, legend, table, details }) => {
  const { element, numbers, say, times, words } = Gateway;
  const VIEWS = { clients: words.clients, attempts: words.attempts };
  let outcomes = VIEWS.clients;
  let names = Object.keys(outcomes);
  let shown = { period: "1h", data: null };

  const css = (name) => getComputedStyle(canvas).getPropertyValue(name).trim();
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const weekday = (date) => date.toLocaleDateString(Gateway.locale, { weekday: "short", month: "short", day: "numeric" });

  const tick = (iso) => (shown.period === "7d" ? weekday(new Date(iso)) : times.clockText(new Date(iso)));
  const moment = (iso) => {
    const date = new Date(iso);
    return shown.period === "1h" ? times.clockText(date) : `${weekday(date)}, ${times.clockText(date)}`;
  };

  const colour = (dataset) => {
    const found = css(`--outcome-${dataset.name.replaceAll("_", "-")}`);
    return Object.assign(dataset, { backgroundColor: found, hoverBackgroundColor: found });
  };

  const recolour = () => {
    chart.data.datasets.forEach(colour);
    for (const axis of Object.values(chart.options.scales)) {
      axis.ticks.color = css("--chart-text");
      axis.grid.color = css("--chart-grid");
    }
    chart.update("none");
  };

  Chart.defaults.font.family = "Inter, ui-sans-serif, system-ui, sans-serif";
  const chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: [],
      datasets: [],
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        colors: { enabled: false },
        legend: { display: false },
        tooltip: {
          callbacks: {
            title: ([item]) => moment(item.label),
            label: (item) => ` ${numbers.count(item.raw)} ${item.dataset.label}`,
          },
          filter: (item) => item.raw > 0,
          boxPadding: 4,
          padding: 10,
        },
      },
      scales: {
        x: {
          stacked: true,
          border: { display: false },
          grid: { display: false },
          ticks: {
            autoSkip: true,
            autoSkipPadding: 24,
            maxRotation: 0,
            callback(index) {
              return tick(this.getLabelForValue(index));
            },
          },
        },
        y: {
          stacked: true,
          beginAtZero: true,
          border: { display: false },
          grid: {},
          ticks: { maxTicksLimit: 5, precision: 0, callback: (value) => numbers.short(value) },
        },
      },
    },
  });

  const showLegend = () => {
    const items = names.map((name) =>
      element(
        "li",
        {},
        element("span", { class: "swatch", "data-outcome": name }),
        element("strong", {}, numbers.short(total(shown.data[name]))),
        ` ${outcomes[name]}`,
      ),
    );
    legend.replaceChildren(...items);
  };

  const showTable = () => {
    if (!details.open || !shown.data) return;
    const head = [say("from"), ...names.map((name) => outcomes[name])].map((text) => element("th", { scope: "col" }, text));
    const rows = shown.data.labels.map((label, index) => {
      const cells = names.map((name) => element("td", {}, numbers.count(shown.data[name][index])));
      return element("tr", {}, element("th", { scope: "row" }, moment(label)), ...cells);
    });
    const body = element("tbody", {}, ...rows.reverse());
    table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), body);
  };

  const choose = (view) => {
    if (outcomes === VIEWS[view] && chart.data.datasets.length) return;
    outcomes = VIEWS[view];
    names = Object.keys(outcomes);
    chart.data.datasets = names.map((name) =>
      colour({ name, label: outcomes[name], data: [], barPercentage: 1, categoryPercentage: 0.85 }),
    );
  };

  const show = (charts, period, view) => {
    shown = { period, data: charts[period] };
    choose(view);
    chart.data.labels = shown.data.labels;
    for (const dataset of chart.data.datasets) dataset.data = shown.data[dataset.name];
    chart.update("none");
    const sum = total(names.map((name) => total(shown.data[name])));
    canvas.setAttribute("aria-label", say(`chart_${view}`, { count: numbers.count(sum), period: words.periods[period] }));
    showLegend();
    showTable();
  };

  details.addEventListener("toggle", showTable);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["class"] });
  recolour();

  return { show, has: (charts, view) => Object.keys(VIEWS[view]).some((name) => Object.values(charts).some((data) => total(data[name]))) };
};

// What clients saw by model, client or group: asked for when it is opened, and then now and then.
Gateway.outcomeSplit = ({ details, table, note, period }) => {
  const { element, numbers, say, sayParts, words } = Gateway;
  const EVERY_MILLISECONDS = 15_000;
  let asked = 0;

  const by = () => details.querySelector('[name="split"]:checked').value;
  const time = (value) => (value === null || value === undefined ? "–" : numbers.milliseconds(value));
  const head = (text) => element("th", { scope: "col" }, text);
  const cell = (text) => element("td", {}, text);

  const draw = ({ by: split, since, rows }) => {
    const isByModel = split === "model";
    const titles = [words.splits[split], words.heads.requests, ...(isByModel ? [words.heads.first_ms, words.heads.whole_ms] : []), ...Object.values(words.outcomes)];
    const lines = rows.map((row) => {
      const name = row.url ? element("a", { href: row.url, class: "name" }, row.name) : row.name;
      const times = isByModel ? [row.first_ms, row.whole_ms].map((each) => cell(`${time(each?.p50)} / ${time(each?.p95)}`)) : [];
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, name),
        cell(numbers.count(row.requests)),
        ...times,
        ...Object.keys(words.outcomes).map((outcome) => cell(numbers.count(row[outcome]))),
      );
    });
    table.replaceChildren(element("thead", {}, element("tr", {}, ...titles.map(head))), element("tbody", {}, ...lines));
    note.replaceChildren(...(rows.length ? sayParts(isByModel ? "seen_since_times" : "seen_since", { time: Gateway.time(since) }) : [say("none_since")]));
  };

  const refresh = async () => {
    if (!details.open) return;
    const number = ++asked;
    const response = await fetch(`${details.dataset.url}?by=${by()}&period=${period()}`, { redirect: "manual" }).catch(() => null);
    if (!response?.ok || number !== asked) return;
    draw(await response.json());
  };

  details.addEventListener("toggle", refresh);
  for (const input of details.querySelectorAll('[name="split"]')) input.addEventListener("change", refresh);
  setInterval(refresh, EVERY_MILLISECONDS);

  return { refresh };
};
