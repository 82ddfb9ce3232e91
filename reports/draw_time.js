// Curves over time: at most a few points a pixel column, the lowest and the highest of each always among them.
const drawTime = {
  begin(chart, columns) {
    const { spec } = chart;
    chart.t = columns[spec.t].map((v) => spec.t0 + v * spec.unit);
    chart.series = spec.series.map((s) => ({ ...s, y: columns[s.y], lo: columns[s.lo ?? s.y], hi: columns[s.hi ?? s.y] }));
    const n = chart.t.length;
    join(chart, spec.group, chart.t[0], chart.t[n - 1], Math.max((chart.t[n - 1] - chart.t[0]) / n * 4, spec.unit * 10));
    zoomable(chart);
    const log = chart.figure.querySelector('[data-do="log"]');
    log?.addEventListener('click', () => { chart.log = !chart.log; log.setAttribute('aria-pressed', chart.log); chart.redraw(); });
  },
  visible(chart) {
    return [Math.max(lower(chart.t, chart.group.a) - 1, 0), Math.min(lower(chart.t, chart.group.b) + 1, chart.t.length)];
  },
  draw(chart) {
    const { spec, group, pen } = chart;
    const [i, j] = drawTime.visible(chart);
    let low = spec.zero ?? Infinity, high = spec.zero ?? -Infinity;
    for (const s of chart.series) for (let k = i; k < j; k++) { if (s.lo[k] < low) low = s.lo[k]; if (s.hi[k] > high) high = s.hi[k]; }
    if (!(high >= low)) { low = 0; high = 1; }
    if (high === low) { low -= Math.abs(low) * 0.01 || 0.01; if (spec.zero !== high) high += Math.abs(high) * 0.01 || 0.01; }
    const air = (high - low || Math.abs(high) || 1) * 0.05;
    const log = chart.log && low > 0;
    if (log) { low *= 0.98; high *= 1.02; } else { low -= spec.zero === low ? 0 : air; high += spec.zero === high ? 0 : air; }
    const box = frame(chart, low, high, spec.fmt, log, (b) => timeTicks(group.a, group.b, b.right - b.left).map(([t, word]) => [b.left + (t - group.a) / (group.b - group.a) * (b.right - b.left), word]));
    const words = [];
    inside(chart, () => {
      for (const band of spec.bands || []) {
        const x1 = placeOf(chart, band.a), x2 = placeOf(chart, band.b);
        if (x2 < box.left || x1 > box.right) continue;
        const deep = Math.min(Math.max(placeOf(chart, band.at), box.left + 8), box.right - 8);
        let at = deep;
        while (words.some(([, x]) => Math.abs(x - at) < 10) && at < box.right - 8) at += 10;  // beside those it would lie on
        words.push([band.word, Math.min(at, box.right - 8), Math.min(box.y(band.low) + 3, box.bottom - 13)]);
      }
      if (spec.zero !== null && spec.zero !== undefined) {
        const y = Math.round(box.y(spec.zero)) + 0.5;
        pen.strokeStyle = paint.soft; pen.beginPath(); pen.moveTo(box.left, y); pen.lineTo(box.right, y); pen.stroke();
      }
      for (const s of chart.series) curve(chart, s, i, j);
      pen.textAlign = 'center'; pen.textBaseline = 'top'; pen.fillStyle = paint.ink;
      for (const [word, x, y] of words) label(pen, word, x, y);
    });
    overlay(chart);
  },
  says(chart, x) {
    const t = timeAt(chart, x);
    let k = lower(chart.t, t);
    if (k > 0 && (k === chart.t.length || t - chart.t[k - 1] < chart.t[k] - t)) k--;
    if (!(k >= 0)) return null;
    const lines = [clock(Math.round(chart.t[k])) + ' UTC'];
    for (const s of chart.series) {
      lines.push(`${s.name}  ${written(s.y[k], s.fmt || chart.spec.fmt)}`);
      if (s.lo !== s.y && s.hi[k] > s.lo[k] && s.range) lines.push(`  within ${written(s.lo[k], chart.spec.fmt)} to ${written(s.hi[k], chart.spec.fmt)}`);
    }
    return lines;
  },
};
function curve(chart, s, i, j) {
  const { pen, box, spec } = chart;
  const colour = paint[s.c];
  pen.lineWidth = s.width || 1.5; pen.lineJoin = 'round'; pen.strokeStyle = colour; pen.setLineDash(s.dash ? [5, 4] : []);
  pen.beginPath();
  let open = false, firstX = 0, lastX = 0, column = -1, low = 0, high = 0, last = 0;
  const close = () => { if (column >= 0) { pen.lineTo(column, box.y(low)); pen.lineTo(column, box.y(high)); pen.lineTo(column, box.y(last)); } };
  const base = box.y(spec.zero ?? box.value(box.bottom));
  for (let k = i; k < j; k++) {
    const v = s.y[k];
    if (!(v === v)) { close(); column = -1; open = false; continue; }
    const x = Math.round(placeOf(chart, chart.t[k]) * 2) / 2;
    if (!open) { pen.moveTo(x, box.y(v)); open = true; firstX = x; }
    if (x !== column) { close(); column = x; low = s.lo[k]; high = s.hi[k]; } else { low = Math.min(low, s.lo[k]); high = Math.max(high, s.hi[k]); }
    last = v; lastX = x;
  }
  close();
  if (s.fill) fillUnder(chart, s, i, j, base, faded(colour, 0.14));
  pen.stroke(); pen.setLineDash([]);
}
function fillUnder(chart, s, i, j, base, colour) {
  const { pen, box } = chart;
  const shape = new Path2D();
  let first = null, x = 0;
  for (let k = i; k < j; k++) {
    const v = s.y[k];
    if (!(v === v)) continue;
    x = placeOf(chart, chart.t[k]);
    if (first === null) { first = x; shape.moveTo(x, base); }
    shape.lineTo(x, box.y(v));
  }
  if (first === null) return;
  shape.lineTo(x, base); shape.closePath();
  pen.fillStyle = colour; pen.fill(shape);
}
