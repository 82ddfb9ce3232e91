// Rows of a data set by time, sound, odd and missing on top of each other, and below a lane for each kind of problem.
const HIGH = 26;
const drawLanes = {
  begin(chart, columns) {
    const { spec } = chart;
    chart.edges = columns[spec.t].map((v) => spec.t0 + v * spec.unit);
    chart.stacks = spec.stacks.map((s) => ({ ...s, y: columns[s.y] }));
    chart.lanes = spec.lanes.map((l) => ({ ...l, a: columns[l.a].map((v) => spec.t0 + v * spec.unit), b: columns[l.b].map((v) => spec.t0 + v * spec.unit), n: columns[l.n] }));
    const last = chart.edges.length - 1;
    join(chart, spec.group, chart.edges[0], chart.edges[last], Math.max((chart.edges[last] - chart.edges[0]) / last * 4, 1000));
    zoomable(chart);
  },
  draw(chart) {
    const { pen, group, edges, stacks, lanes } = chart;
    const n = edges.length - 1, i = Math.max(lower(edges, group.a) - 1, 0), j = Math.min(lower(edges, group.b), n);
    let most = 1;
    for (let k = i; k < j; k++) { let sum = 0; for (const s of stacks) sum += s.y[k]; if (sum > most) most = sum; }
    const whole = chart.h;
    chart.h = whole - lanes.length * HIGH;
    const box = frame(chart, 0, most * 1.05, 'count', false, (b) => timeTicks(group.a, group.b, b.right - b.left).map(([t, word]) => [b.left + (t - group.a) / (group.b - group.a) * (b.right - b.left), word]));
    chart.h = whole;
    inside(chart, () => {
      for (let k = i; k < j; k++) {
        const x1 = placeOf(chart, edges[k]), x2 = placeOf(chart, edges[k + 1]);
        let base = 0;
        for (const s of stacks) {
          if (!s.y[k]) continue;
          pen.fillStyle = paint[s.c]; const y = box.y(base + s.y[k]);
          pen.fillRect(x1, y, Math.max(x2 - x1 - (x2 - x1 > 4 ? 1 : 0), 1), Math.max(box.y(base) - y, 1)); base += s.y[k];
        }
      }
    });
    lanes.forEach((lane, k) => {
      const y = whole - (lanes.length - k) * HIGH;
      pen.fillStyle = paint.faint; pen.fillRect(box.left, y + 15, box.right - box.left, HIGH - 17);
      pen.fillStyle = paint[lane.c];
      for (let m = 0; m < lane.a.length; m++) {
        const x1 = Math.max(placeOf(chart, lane.a[m]), box.left), x2 = Math.min(placeOf(chart, lane.b[m]), box.right);
        if (x2 >= box.left && x1 <= box.right) pen.fillRect(x1, y + 15, Math.max(x2 - x1, 2), HIGH - 17);
      }
      pen.textAlign = 'left'; pen.textBaseline = 'top'; pen.fillStyle = paint.soft;
      pen.fillText(lane.name, box.left, y + 2);
    });
    overlay(chart);
  },
  says(chart, x, y) {
    const t = timeAt(chart, x), lane = chart.lanes[Math.floor((y - chart.h + chart.lanes.length * HIGH) / HIGH)];
    if (lane && y > chart.h - chart.lanes.length * HIGH) {
      let near = -1, gap = Infinity;
      for (let m = 0; m < lane.a.length; m++) { const d = Math.max(lane.a[m] - t, t - lane.b[m], 0); if (d < gap) { gap = d; near = m; } }
      return near < 0 ? null : [lane.name, `${digits(lane.n[near])} rows`, `from ${clock(lane.a[near])}`, `to   ${clock(lane.b[near])}`];
    }
    const k = lower(chart.edges, t) - 1;
    if (k < 0 || k >= chart.edges.length - 1) return null;
    return [`${clock(Math.round(chart.edges[k]))} to ${clock(Math.round(chart.edges[k + 1]))}`, ...chart.stacks.map((s) => `${s.name}  ${digits(s.y[k])}`)];
  },
};
