"use strict";

// The chart of requests by outcome, its legend with totals, and the same as a table.
window.Gateway = window.Gateway || {};

Gateway.outcomeChart = ({ canvas, legend, table, details }) => {
  const { element, numbers, times } = Gateway;
  const OUTCOMES = {
    succeeded: "succeeded",
    rate_limited: "429s",
    client_errors: "client errors",
    upstream_errors: "upstream errors",
    cancelled: "cancelled",
  };
  const PERIODS = { "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days" };
  const names = Object.keys(OUTCOMES);
  let shown = { period: "1h", data: null };

  const css = (name) => getComputedStyle(canvas).getPropertyValue(name).trim();
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const weekday = (date) => date.toLocaleDateString("en-US", { weekday: "short", month: "short", day: "numeric" });

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
      datasets: names.map((name) =>
        colour({ name, label: OUTCOMES[name], data: [], barPercentage: 1, categoryPercentage: 0.85 }),
      ),
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
        ` ${OUTCOMES[name]}`,
      ),
    );
    legend.replaceChildren(...items);
  };

  const showTable = () => {
    if (!details.open || !shown.data) return;
    const head = ["from", ...names.map((name) => OUTCOMES[name])].map((text) => element("th", { scope: "col" }, text));
    const rows = shown.data.labels.map((label, index) => {
      const cells = names.map((name) => element("td", {}, numbers.count(shown.data[name][index])));
      return element("tr", {}, element("th", { scope: "row" }, moment(label)), ...cells);
    });
    const body = element("tbody", {}, ...rows.reverse());
    table.replaceChildren(element("thead", {}, element("tr", {}, ...head)), body);
  };

  const show = (charts, period) => {
    shown = { period, data: charts[period] };
    chart.data.labels = shown.data.labels;
    for (const dataset of chart.data.datasets) dataset.data = shown.data[dataset.name];
    chart.update("none");
    const sum = total(names.map((name) => total(shown.data[name])));
    canvas.setAttribute("aria-label", `Bar chart: ${numbers.count(sum)} requests of ${PERIODS[period]} by outcome`);
    showLegend();
    showTable();
  };

  details.addEventListener("toggle", showTable);
  new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["class"] });
  recolour();

  return { show };
};
