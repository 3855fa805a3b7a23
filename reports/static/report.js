"use strict";
/* Draws the figures of the page: values come as JSON, colours from the style sheet. */
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const logs = new Set();
  let drawn = [];

  const number = (digits) => new Intl.NumberFormat("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 4 });
  const plain = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 7 });
  const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
  const moment = (seconds) => (seconds % 86400 ? new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") : day(seconds));
  const show = {
    money: (v) => number(Math.abs(v) < 1000 ? 2 : 0).format(v),
    price: (v) => plain.format(v),
    percent: (v) => number(2).format(v * 100) + " %",
    ratio: (v) => number(2).format(v),
    count: (v) => number(0).format(v),
  };
  const tick = {
    money: (v) => compact.format(v),
    price: (v) => plain.format(v),
    percent: (v) => plain.format(+(v * 100).toPrecision(10)) + " %",
    ratio: (v) => plain.format(v),
    count: (v) => compact.format(v),
  };

  function axes(figure, narrow) {
    const style = { stroke: css("muted"), font: "11px system-ui, sans-serif", grid: { stroke: css("line"), width: 1 }, ticks: { show: false } };
    const x = { ...style, size: figure.axis === "time" ? 40 : 26, gap: 4 };
    if (figure.axis === "number") x.values = (u, found) => found.map(tick[figure.x_form]);
    if (figure.axis === "category") {
      const every = Math.ceil(figure.x.length / (narrow ? 8 : 16));
      x.splits = () => figure.x.filter((_, k) => k % every === 0);
      x.values = (u, found) => found.map((k) => figure.categories[k] ?? "");
    }
    if (figure.axis !== "time") x.grid = { show: false };
    const y = {
      ...style, size: narrow ? 48 : 62, gap: 4, space: figure.height < 180 ? 28 : 42,
      values: (u, found) => found.map((v) => (v == null ? "" : tick[figure.form](v))),
    };
    return [x, y];
  }

  function barPaths(figure, k, bars) {
    const slots = figure.axis === "category" ? bars.length : 1;
    const at = bars.indexOf(k);
    return (u, sidx, from, to) => {
      const unit = figure.axis === "category" ? 1 : figure.width;
      const full = Math.abs(u.valToPos(u.data[0][0] + unit, "x", true) - u.valToPos(u.data[0][0], "x", true));
      const room = Math.min(figure.axis === "category" ? full * 0.7 : full * 0.94, 120 * devicePixelRatio);
      const width = Math.max(room / slots, 1);
      const zero = u.valToPos(0, "y", true);
      const up = new Path2D(), down = new Path2D();
      for (let i = from; i <= to; i++) {
        const value = u.data[sidx][i];
        if (value == null) continue;
        const left = u.valToPos(u.data[0][i], "x", true) - room / 2 + at * width;
        const top = u.valToPos(value, "y", true);
        const sign = figure.axis === "category" ? value : u.data[0][i];
        (sign >= 0 ? up : down).rect(left, Math.min(top, zero), width * 0.96, Math.abs(zero - top));
      }
      u.ctx.save();
      const spec = figure.series[k];
      u.ctx.fillStyle = spec.signed ? css("gain") : css(spec.color); u.ctx.fill(up);
      u.ctx.fillStyle = spec.signed ? css("loss") : css(spec.color); u.ctx.fill(down);
      u.ctx.restore();
      return null;
    };
  }

  function seriesOf(figure) {
    const bars = figure.series.map((s, k) => (s.bars ? k : -1)).filter((k) => k >= 0);
    return figure.series.map((s, k) => ({
      label: s.label, stroke: s.width === 0 ? "transparent" : css(s.color), width: s.width ?? 1, dash: s.dash ?? undefined,
      fill: s.fill ? css(s.fill) : undefined, points: { show: figure.x.length === 1 },
      paths: s.bars ? barPaths(figure, k, bars) : s.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
    }));
  }

  function range(figure) {
    const bars = figure.series.some((s) => s.bars), fills = figure.series.some((s) => s.fill);
    return (u, low, high) => {
      if (low == null) return [0, 1];
      if (logs.has(figure.id)) return uPlot.rangeLog(low, high, 10, false).map((v, k) => (k ? high * 1.04 : low / 1.04));
      if (bars || fills || figure.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
      const room = (high - low || Math.abs(high) || 1) * 0.05;
      return [low === 0 && (bars || fills) ? 0 : low - room, high === 0 && (bars || fills) ? 0 : high + room];
    };
  }

  function legend(host, figure) {
    const box = document.createElement("div");
    box.className = "legend";
    host.before(box);
    const named = figure.series.map((s, k) => [s, k]).filter(([s]) => s.width !== 0);
    const fill = (u) => {
      const at = u.cursor.idx ?? (figure.axis === "time" ? figure.x.length - 1 : null);
      box.replaceChildren();
      if (at != null) {
        const where = document.createElement("span");
        where.textContent = figure.axis === "time" ? moment(figure.x[at]) : figure.axis === "category" ? figure.categories[at] : tick[figure.x_form](figure.x[at]);
        box.append(where);
      }
      for (const [s, k] of named) {
        const item = document.createElement("span"), line = document.createElement("i"), value = document.createElement("b");
        line.style.borderColor = s.signed ? css("gain") : css(s.color);
        if (s.dash) line.style.borderTopStyle = "dashed";
        const v = at == null ? null : u.data[k + 1][at];
        value.textContent = v == null ? "" : " " + show[figure.form](v);
        item.append(line, s.label, value);
        box.append(item);
      }
    };
    return { setCursor: fill, ready: fill, destroy: () => box.remove() };
  }

  function marks(figure, host) {
    if (!figure.trips) return {};
    const tip = document.createElement("div");
    tip.className = "tip"; tip.hidden = true;
    host.parentElement.append(tip);
    const points = figure.trips.flatMap((t) => [
      { x: t[0], y: t[1], up: t[4] > 0, entry: true, trip: t },
      { x: t[2], y: t[3], up: t[4] < 0, entry: false, trip: t },
    ]).filter((p) => p.x != null && p.y != null);
    const color = (p) => css(p.trip[5] < 0 ? "loss" : "gain");
    const inside = (u, p) => p.x >= u.scales.x.min && p.x <= u.scales.x.max && p.y >= u.scales.y.min && p.y <= u.scales.y.max;
    return {
      draw: (u) => {
        const { ctx } = u, few = figure.trips.length <= 60, size = (few ? 5 : 3) * devicePixelRatio;
        ctx.save();
        ctx.beginPath();
        ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
        ctx.clip();
        if (few) for (const t of figure.trips) {
          if (t[1] == null || t[2] == null || t[3] == null) continue;
          ctx.beginPath(); ctx.setLineDash([4, 3]); ctx.lineWidth = devicePixelRatio;
          ctx.strokeStyle = css(t[5] < 0 ? "loss" : "gain");
          ctx.moveTo(u.valToPos(t[0], "x", true), u.valToPos(t[1], "y", true));
          ctx.lineTo(u.valToPos(t[2], "x", true), u.valToPos(t[3], "y", true));
          ctx.stroke();
        }
        ctx.setLineDash([]);
        for (const p of points) {
          if (!inside(u, p)) continue;
          const x = u.valToPos(p.x, "x", true), y = u.valToPos(p.y, "y", true), s = p.up ? size : -size;
          ctx.beginPath(); ctx.moveTo(x, y - s); ctx.lineTo(x + size, y + s); ctx.lineTo(x - size, y + s); ctx.closePath();
          ctx.lineWidth = (few ? 1.5 : 1) * devicePixelRatio;
          if (p.entry) { ctx.fillStyle = color(p); ctx.strokeStyle = css("surface"); ctx.fill(); ctx.stroke(); }
          else { ctx.fillStyle = css("surface"); ctx.strokeStyle = color(p); ctx.fill(); ctx.stroke(); }
        }
        ctx.restore();
      },
      setCursor: (u) => {
        const { left, top } = u.cursor;
        let best = null, least = 14;
        if (left >= 0) for (const p of points) {
          if (!inside(u, p)) continue;
          const away = Math.hypot(u.valToPos(p.x, "x") - left, u.valToPos(p.y, "y") - top);
          if (away < least) { least = away; best = p; }
        }
        tip.hidden = best == null;
        if (best == null) return;
        const t = best.trip, side = t[4] > 0 ? "long" : "short";
        tip.textContent = `${best.entry ? "entry" : "exit"}, ${side} ${t[6]} at ${show.price(best.y)}\n${moment(best.x)} UTC\nresult ${show.money(t[5])}`;
        const box = u.over.getBoundingClientRect(), frame = host.parentElement.getBoundingClientRect();
        const x = box.left - frame.left + u.valToPos(best.x, "x") + 12, y = box.top - frame.top + u.valToPos(best.y, "y") - 10;
        tip.style.left = Math.max(4, Math.min(x, frame.width - tip.offsetWidth - 6)) + "px";
        tip.style.top = y + "px";
      },
      destroy: () => tip.remove(),
    };
  }

  function lines(figure) {
    return {
      draw: (u) => {
        const { ctx } = u;
        ctx.save();
        if (figure.zero) {
          const y = u.valToPos(0, "y", true);
          ctx.strokeStyle = css("muted"); ctx.lineWidth = devicePixelRatio;
          ctx.beginPath(); ctx.moveTo(u.bbox.left, y); ctx.lineTo(u.bbox.left + u.bbox.width, y); ctx.stroke();
        }
        for (const line of figure.lines ?? []) {
          const x = u.valToPos(line.x, "x", true);
          ctx.strokeStyle = ctx.fillStyle = css(line.color); ctx.lineWidth = 1.5 * devicePixelRatio;
          ctx.setLineDash([5, 4]); ctx.beginPath(); ctx.moveTo(x, u.bbox.top); ctx.lineTo(x, u.bbox.top + u.bbox.height); ctx.stroke();
          ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
          const end = x + ctx.measureText(line.label).width + 12 * devicePixelRatio > u.bbox.left + u.bbox.width;
          ctx.textAlign = end ? "right" : "left";
          ctx.fillText(line.label, x + (end ? -6 : 6) * devicePixelRatio, u.bbox.top + 12 * devicePixelRatio);
        }
        ctx.restore();
      },
    };
  }

  function touches(u) {
    u.over.addEventListener("touchmove", (event) => {
      const box = u.over.getBoundingClientRect(), touch = event.touches[0];
      u.setCursor({ left: touch.clientX - box.left, top: touch.clientY - box.top });
    }, { passive: true });
  }

  function draw(figure) {
    const host = document.querySelector(`[data-figure="${figure.id}"]`);
    if (!host || !figure.x.length) return;
    const width = Math.max(host.clientWidth, 200), narrow = width < 480;
    const [x, y] = axes(figure, narrow);
    const edge = figure.axis === "category" ? 0.6 : figure.axis === "number" ? (figure.width ?? 0) : 0;
    const u = new uPlot({
      width, height: narrow ? Math.min(figure.height, 240) : figure.height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      padding: [8, narrow ? 6 : 12, 0, 0],
      legend: { show: false },
      cursor: {
        sync: figure.sync ? { key: figure.sync, setSeries: false } : undefined,
        y: false, points: { size: 6 }, drag: { x: figure.axis === "time", y: false, uni: 20 },
      },
      scales: {
        x: { time: figure.axis === "time", range: edge ? (u, a, b) => [a - edge, b + edge] : undefined },
        y: { distr: logs.has(figure.id) ? 3 : 1, range: range(figure) },
      },
      axes: [x, y],
      series: [{}, ...seriesOf(figure)],
      bands: (figure.bands ?? []).map((band) => ({ series: [band.high, band.low], fill: css(band.color) })),
      plugins: [legend(host, figure), marks(figure, host), lines(figure), { ready: touches }].map((hooks) => ({ hooks })),
    }, [figure.x, ...figure.series.map((s) => s.values)], host);
    drawn.push({ u, host, figure });
  }

  function redraw() {
    for (const { u } of drawn) u.destroy();
    drawn = [];
    figures.forEach(draw);
  }

  function fit() {
    for (const { u, host, figure } of drawn) {
      const width = Math.max(host.clientWidth, 200);
      if (width !== u.width) u.setSize({ width, height: width < 480 ? Math.min(figure.height, 240) : figure.height });
    }
  }

  for (const figure of figures.filter((f) => f.logable)) {
    const host = document.querySelector(`[data-figure="${figure.id}"]`);
    if (!host) continue;
    const button = document.createElement("button");
    button.type = "button"; button.className = "scale"; button.textContent = "linear";
    button.addEventListener("click", () => {
      logs.has(figure.id) ? logs.delete(figure.id) : logs.add(figure.id);
      button.textContent = logs.has(figure.id) ? "logarithmic" : "linear";
      redraw();
    });
    host.parentElement.append(button);
  }

  const darkness = matchMedia("(prefers-color-scheme: dark)");
  darkness.addEventListener("change", redraw);
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : darkness.matches;
    root.dataset.theme = dark ? "light" : "dark";
    redraw();
  });
  let before;
  addEventListener("beforeprint", () => { before = root.dataset.theme; root.dataset.theme = "light"; redraw(); });
  addEventListener("afterprint", () => { if (before) root.dataset.theme = before; else delete root.dataset.theme; redraw(); });

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, k) => head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => { const text = row.cells[k].dataset.k, value = Number(text); return text === "" || Number.isNaN(value) ? text : value; };
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (up ? 1 : -1));
      body.append(...rows.map(([, row]) => row));
    }));
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const text = document.getElementById(button.dataset.copy);
      getSelection().selectAllChildren(text);
      try { await navigator.clipboard.writeText(text.textContent); button.textContent = "copied"; } catch { button.textContent = "selected"; }
    });
  }
  redraw();
  let waiting;
  new ResizeObserver(() => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(fit); }).observe(document.querySelector(".page"));
  root.dataset.ready = "yes";
})();
