// Prices with the trades on them. Far out: bars of many bars and how many trades there were; close in: every bar and
// every trade. Where a stretch has only the coarse bars, they are drawn as boxes, and the tooltip says how long they are.
const many = (chart) => Math.max(40, chart.w / 4);  // more trades than that can't be told apart
const drawPrice = {
  begin(chart, columns) {
    const { spec } = chart;
    const bars = (b) => ({ t: columns[b.t].map((v) => spec.t0 + v * spec.unit), o: columns[b.o], h: columns[b.h], l: columns[b.l], c: columns[b.c], step: b.step });
    chart.instruments = spec.instruments.map((each) => ({ ...each, base: bars(each.base), fine: each.fine && bars(each.fine) }));
    chart.at = 0;
    const all = spec.trades ? listed(columns, spec) : [];
    chart.trades = chart.instruments.map((each) => all.filter((t) => t.inst === each.inst).sort((p, q) => p.entry - q.entry));
    const first = Math.min(...chart.instruments.map((each) => each.base.t[0]));
    const last = Math.max(...chart.instruments.map((each) => each.base.t[each.base.t.length - 1] + each.base.step));
    const finest = Math.min(...chart.instruments.map((each) => (each.fine || each.base).step));
    join(chart, spec.group, first, last, finest * 12);
    zoomable(chart);
    const pick = chart.figure.querySelector('[data-do="pick"]');
    if (pick) {
      chart.instruments.forEach((each, k) => pick.append(new Option(each.name, k)));
      pick.hidden = chart.instruments.length < 2;
      pick.addEventListener('change', () => { chart.at = Number(pick.value); chart.redraw(); });
    }
    chart.pick = (inst) => { const k = chart.instruments.findIndex((each) => each.inst === inst); if (k >= 0) { chart.at = k; if (pick) pick.value = k; } return k >= 0; };
  },
  // What is drawn in the present range: runs of fine bars where they are close enough to see, coarse ones between.
  chosen(chart) {
    const { base, fine } = chart.instruments[chart.at], { a, b } = chart.group;
    const pixel = (b - a) / Math.max(chart.w - 60, 1);
    const of = (bars, from, to) => ({ bars, i: Math.max(lower(bars.t, from - bars.step + 1), 0), j: lower(bars.t, to) });
    if (!fine || base.step < pixel * 3) return [of(base, a, b)];
    const parts = [];
    const f = of(fine, a, b);
    let t = a, i = f.i;
    while (i < f.j) {
      let j = i + 1;
      while (j < f.j && fine.t[j] - fine.t[j - 1] < base.step * 2) j++;
      if (fine.t[i] - t > base.step) parts.push(of(base, t, fine.t[i] - base.step));
      parts.push({ bars: fine, i, j });
      t = fine.t[j - 1] + fine.step; i = j;
    }
    if (b - t > base.step) parts.push(of(base, t + base.step, b));
    return parts;
  },
  draw(chart) {
    const { pen, group } = chart;
    const parts = drawPrice.chosen(chart);
    const trades = seenTrades(chart);
    let low = Infinity, high = -Infinity;
    for (const { bars, i, j } of parts) for (let k = i; k < j; k++) { if (bars.l[k] < low) low = bars.l[k]; if (bars.h[k] > high) high = bars.h[k]; }
    if (!(high >= low)) { low = 0; high = 1; }
    const air = (high - low || high * 0.01 || 1) * 0.06, strip = trades.length > many(chart) ? (high - low) * 0.16 : 0;
    const box = frame(chart, low - air - strip, high + air, 'price', false, (b) => timeTicks(group.a, group.b, b.right - b.left).map(([t, word]) => [b.left + (t - group.a) / (group.b - group.a) * (b.right - b.left), word]));
    inside(chart, () => {
      for (const part of parts) candles(chart, part);
      if (trades.length > many(chart)) density(chart, trades); else trades.forEach((t) => marked(chart, t));
    });
    overlay(chart);
    chart.canvas.dataset.trades = trades.length;
    chart.canvas.dataset.bars = parts.reduce((n, p) => n + p.j - p.i, 0);
  },
  says(chart, x, y) {
    const t = timeAt(chart, x), { box } = chart;
    const trades = seenTrades(chart);
    if (trades.length <= many(chart)) {
      let near = null, gap = 12;
      for (const each of trades) {
        const d = Math.min(Math.hypot(placeOf(chart, each.entry) - x, box.y(each.in) - y), Math.hypot(placeOf(chart, each.exit) - x, box.y(each.out) - y));
        if (d < gap) { gap = d; near = each; }
      }
      if (near) return tradeWords(near, chart.spec);
    }
    for (const { bars, i, j } of drawPrice.chosen(chart)) {
      const k = lower(bars.t, t + 1) - 1;
      if (k < i || k >= j || t > bars.t[k] + bars.step) continue;
      const lines = [clock(bars.t[k]) + ' UTC, ' + lasting(bars.step), `open ${written(bars.o[k], 'price')}`, `high ${written(bars.h[k], 'price')}`, `low ${written(bars.l[k], 'price')}`, `close ${written(bars.c[k], 'price')}`];
      if (trades.length > many(chart)) lines.push(`${digits(trades.length)} trades in view: zoom in to see each`);
      return lines;
    }
    return null;
  },
};
function listed(columns, spec) {
  const col = Object.fromEntries(Object.entries(spec.trades).map(([name, at]) => [name, columns[at]]));
  return Array.from(col.entry, (_, k) => ({
    k, entry: spec.t0 + col.entry[k] * spec.unit, exit: spec.t0 + col.exit[k] * spec.unit, inst: col.inst[k], side: col.side[k], qty: col.qty[k],
    in: col.in[k], out: col.out[k], fees: col.fees[k], pnl: col.pnl[k], mae: col.mae[k], mfe: col.mfe[k], reason: col.reason[k],
  }));
}
function tradeWords(t, spec) {
  return [
    `${t.side > 0 ? 'long' : 'short'} ${written(t.qty, 'price')}  ${t.pnl >= 0 ? '+' : ''}${written(t.pnl, 'money')} ${spec.unitName}`.trimEnd(),
    `in   ${clock(t.entry)} at ${written(t.in, 'price')}`, `out  ${clock(t.exit)} at ${written(t.out, 'price')}`,
    `held ${lasting(t.exit - t.entry)}, left by ${spec.reasons[t.reason]}`,
  ];
}
function seenTrades(chart) {
  const { a, b } = chart.group;
  return chart.trades[chart.at].filter((t) => t.exit >= a && t.entry <= b);
}
function candles(chart, { bars, i, j }) {
  const { pen, box, group } = chart;
  const width = bars.step / (group.b - group.a) * (box.right - box.left);
  if (width < 2.5) {
    pen.fillStyle = paint.c6;
    let column = -1, low = 0, high = 0;
    const flush = () => { if (column >= 0) pen.fillRect(column, box.y(high), 1, Math.max(box.y(low) - box.y(high), 1)); };
    for (let k = i; k < j; k++) {
      const x = Math.floor(placeOf(chart, bars.t[k]));
      if (x !== column) { flush(); column = x; low = bars.l[k]; high = bars.h[k]; } else { low = Math.min(low, bars.l[k]); high = Math.max(high, bars.h[k]); }
    }
    flush();
    return;
  }
  const coarse = bars === chart.instruments[chart.at].base && chart.instruments[chart.at].fine;
  for (let k = i; k < j; k++) {
    const x = placeOf(chart, bars.t[k]), up = bars.c[k] >= bars.o[k], body = Math.max(Math.min(width * 0.7, width - 1), 1);
    const left = x + (width - body) / 2, top = box.y(Math.max(bars.o[k], bars.c[k])), height = Math.max(box.y(Math.min(bars.o[k], bars.c[k])) - top, 1);
    pen.strokeStyle = pen.fillStyle = coarse ? faded(paint.c6, 0.5) : paint.c6; pen.lineWidth = 1;
    pen.beginPath(); pen.moveTo(Math.round(x + width / 2) + 0.5, box.y(bars.h[k])); pen.lineTo(Math.round(x + width / 2) + 0.5, box.y(bars.l[k])); pen.stroke();
    if (up) { pen.fillStyle = paint.card; pen.fillRect(left, top, body, height); pen.strokeRect(left, top, body, height); } else pen.fillRect(left, top, body, height);
  }
}
function marked(chart, t) {
  const { pen, box } = chart;
  const colour = t.pnl >= 0 ? paint.plus : paint.minus;
  const x1 = placeOf(chart, t.entry), y1 = box.y(t.in), x2 = placeOf(chart, t.exit), y2 = box.y(t.out);
  pen.strokeStyle = colour; pen.lineWidth = 1.4; pen.setLineDash(t.pnl >= 0 ? [] : [4, 3]);
  pen.beginPath(); pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.stroke(); pen.setLineDash([]);
  const d = t.side > 0 ? 1 : -1;
  pen.fillStyle = colour; pen.strokeStyle = paint.card; pen.lineWidth = 1;
  pen.beginPath(); pen.moveTo(x1, y1 - 1 * d); pen.lineTo(x1 - 5, y1 + 8 * d); pen.lineTo(x1 + 5, y1 + 8 * d); pen.closePath(); pen.fill(); pen.stroke();
  pen.fillStyle = paint.card; pen.strokeStyle = colour; pen.lineWidth = 1.8;
  pen.beginPath(); pen.arc(x2, y2, 3.4, 0, 7); pen.fill(); pen.stroke();
  if (chart.picked === t.k) { pen.strokeStyle = paint.ink; pen.lineWidth = 1.5; pen.beginPath(); pen.arc(x1, y1, 11, 0, 7); pen.stroke(); }
}
// Too many to tell apart: how many were won and lost in each stretch, along the bottom.
function density(chart, trades) {
  const { pen, box } = chart;
  const bins = Math.floor((box.right - box.left) / 6), won = new Int32Array(bins), lost = new Int32Array(bins);
  for (const t of trades) {
    const k = Math.floor((placeOf(chart, t.exit) - box.left) / (box.right - box.left) * bins);
    if (k >= 0 && k < bins) (t.pnl > 0 ? won : lost)[k]++;
  }
  const most = Math.max(1, ...won.map((n, k) => n + lost[k])), high = (box.bottom - box.top) * 0.13;
  for (let k = 0; k < bins; k++) {
    const x = box.left + k * (box.right - box.left) / bins, u = won[k] / most * high, d = lost[k] / most * high;
    pen.fillStyle = faded(paint.plus, 0.85); pen.fillRect(x, box.bottom - u, 5, u);
    pen.fillStyle = faded(paint.minus, 0.85); pen.fillRect(x, box.bottom - u - d, 5, d);
  }
}
