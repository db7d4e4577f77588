// The four numbers and the chart, from /api/shares and /api/logs.
const SHARES_MS = 2000, SMOOTH_S = 5, RATE_S = 10, CHART_W = 1000, CHART_H = 200, CHART_LAG_S = 3.5;
let rates = null, clockAhead = 0, chartTop = 0;

// Logs come in bursts, when their heads do: a mean of some seconds can be read.
function smooth(values) {
  const result = [];
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i] - (i >= SMOOTH_S ? values[i - SMOOTH_S] : 0);
    result.push(sum / Math.min(i + 1, SMOOTH_S));
  }
  return result;
}

function niceTop(value) {
  const least = Math.max(value, 3.5), power = 10 ** Math.floor(Math.log10(least));
  return [1.2, 2, 4, 8, 12].map(step => step * power).find(step => step >= least * 1.08);
}

function scaleChart() {
  const scale = byId("scale");
  if (Number(scale.dataset.top) === chartTop) return;
  scale.dataset.top = chartTop;
  scale.replaceChildren(...[1, .75, .5, .25].map(part => {
    const line = made("span", {}, number(chartTop * part));
    line.style.top = (1 - part) * 100 + "%";
    return line;
  }));
}

function path(values, closed) {
  const y = value => (CHART_H * (1 - value / chartTop)).toFixed(1);
  const x = i => ((i - values.length + 1) * CHART_W / (values.length - 6)).toFixed(1);
  const line = values.map((value, i) => (i ? "L" : "M") + x(i) + " " + y(value)).join("");
  return closed ? line + `L${x(values.length - 1)} ${CHART_H}L${x(0)} ${CHART_H}Z` : line;
}

function drawChart() {
  const chart = byId("chart"), all = smooth(rates.entries);
  const highest = niceTop(Math.max(...all));
  if (highest > chartTop || highest < chartTop / 2) chartTop = highest;
  scaleChart();
  let group = chart.querySelector("g");
  if (!group) {
    group = drawn("g");
    for (const name of ["area", "all", "precert", "unique"]) group.append(drawn("path", { class: name }));
    chart.append(group, drawn("line", { y1: 0, y2: CHART_H, visibility: "hidden" }));
  }
  const [area, line, precert, unique] = group.children;
  area.setAttribute("d", path(all, true));
  line.setAttribute("d", path(all));
  precert.setAttribute("d", path(smooth(rates.precertificates)));
  unique.setAttribute("d", path(smooth(rates.unique)));
  const mean = values => rate(values.reduce((sum, value) => sum + value, 0) / values.length);
  chart.setAttribute("aria-label", `In the last 5 minutes, on average ${mean(rates.entries)} certificates a second, of them ` +
    `${mean(rates.precertificates)} precertificates and ${mean(rates.unique)} that were not there before; at most ${rate(Math.max(...all))}`);
  moveChart();
}

// Between two answers the chart goes on moving with the clock.
function moveChart() {
  const group = byId("chart").querySelector("g");
  if (!group || !rates) return;
  const seconds = Date.now() / 1000 + clockAhead - CHART_LAG_S - rates.newest;
  const x = CHART_W - Math.max(Math.min(seconds, 5), -5) * CHART_W / (rates.entries.length - 6);
  group.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
}

function readChart(event) {
  if (!rates || !chartTop) return;
  const box = byId("plot").getBoundingClientRect(), length = rates.entries.length;
  const ago = Math.round((1 - (event.clientX - box.left) / box.width) * (length - 6));
  const i = Math.max(0, Math.min(length - 1, length - 1 - ago));
  const line = byId("chart").querySelector("line"), reading = byId("reading");
  const x = (event.clientX - box.left) / box.width * CHART_W;
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
  line.setAttribute("visibility", "visible");
  reading.hidden = false;
  setText(reading, `${clockTime(rates.newest - length + 1 + i)}  ${rate(smooth(rates.entries)[i])} all · ` +
    `${rate(smooth(rates.precertificates)[i])} precertificates · ${rate(smooth(rates.unique)[i])} unique`);
}

function showRate() {
  const last = rates.entries.slice(-RATE_S);
  setText(byId("rate"), rate(last.reduce((sum, value) => sum + value, 0) / last.length));
}

function showToday(today) {
  const midnight = today.from % S_PER_DAY === 0;
  setText(byId("today"), number(today.entries));
  setText(byId("today-note"), midnight ? "since 00:00 UTC" : `since ${new Date(today.from * 1000).toISOString().slice(11, 16)} UTC (server start)`);
}

async function refreshShares() {
  try {
    const content = await ask("api/shares");
    rates = content.per_second;
    clockAhead = content.time - Date.now() / 1000;
    drawChart();
    showRate();
    showToday(content.today);
    showShares(content);
  } catch (error) {
    if (error.status) setText(byId("shares-note"), error.message);
  }
}

function number4(id, text, kind, note) {
  setText(byId(id), text);
  byId(id).className = kind;
  setText(byId(id + "-note"), note);
}

function showLogNumbers(logs) {
  const followed = logs.filter(log => log.health.kind !== "off");
  const slowest = followed.reduce((worst, log) => !worst || log.behind > worst.behind ? log : worst, null);
  const proven = followed.filter(log => log.is_proven).length, quarantined = followed.filter(log => log.quarantine).length;
  const silent = followed.filter(log => log.silent).length, behind = slowest ? slowest.behind : 0;
  number4("lag", slowest ? span(behind) : "–", behind > LATE_S ? "bad" : behind > SLOW_S ? "warn" : "",
    !slowest ? "no log is followed yet" : slowest.silent ? slowest.name + ", which nobody reads" :
      behind ? slowest.name + ", " + count(slowest.lag_entries || 0, "entry", "entries") : "all that is known is here");
  number4("proven", slowest ? `${number(proven)} of ${number(followed.length)}` : "–", quarantined || silent ? "bad" : "",
    quarantined || silent ? [quarantined && quarantined + " in quarantine", silent && "nobody reads " + silent].filter(Boolean).join(", ") :
      !slowest ? "" : proven === followed.length ? "everything they signed is read" :
      followed.length - proven + " being read");
}

function startNow() {
  every(SHARES_MS, refreshShares);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  setInterval(() => { if (!document.hidden && !still.matches) moveChart(); }, 100);
  byId("plot").addEventListener("pointermove", readChart);
  byId("plot").addEventListener("pointerleave", () => {
    byId("reading").hidden = true;
    byId("chart").querySelector("line")?.setAttribute("visibility", "hidden");
  });
}
