// Points: one mark a row, nearest one in the tooltip.
const drawPoints = {
  begin(chart, columns) {
    const { spec } = chart;
    chart.x = columns[spec.x]; chart.y = columns[spec.y];
    chart.tone = spec.tone === undefined ? null : columns[spec.tone];
    chart.extra = (spec.extra || []).map((e) => ({ ...e, values: columns[e.col] }));
    chart.canvas.addEventListener('pointermove', (event) => {
      const k = drawPoints.nearest(chart, event.offsetX, event.offsetY);
      chart.hot = k; chart.redraw();
      showTip(k < 0 ? null : drawPoints.words(chart, k), event.clientX, event.clientY);
    });
    chart.canvas.addEventListener('pointerleave', () => { chart.hot = -1; chart.redraw(); showTip(); });
    if (spec.picks) chart.canvas.addEventListener('click', () => { if (chart.hot >= 0) document.dispatchEvent(new CustomEvent('pick', { detail: chart.hot })); });
  },
  range(values, zero) {
    let low = zero ? 0 : Infinity, high = zero ? 0 : -Infinity;
    for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
    if (!(high >= low)) return [0, 1];
    const air = (high - low || Math.abs(high) || 1) * 0.09;
    return [low - air, high + air];
  },
  draw(chart) {
    const { spec, pen } = chart;
    let [xlow, xhigh] = drawPoints.range(chart.x, spec.zeroX), [ylow, yhigh] = drawPoints.range(chart.y, spec.zeroY);
    if (spec.same) { xlow = ylow = Math.min(xlow, ylow); xhigh = yhigh = Math.max(xhigh, yhigh); }
    chart.placeX = (v) => chart.box.left + (v - xlow) / (xhigh - xlow) * (chart.box.right - chart.box.left);
    const ticks = niceTicks(xlow, xhigh, Math.max(2, Math.floor(chart.w / 110))), words = axisWords(ticks, spec.fmtX);
    const box = frame(chart, ylow, yhigh, spec.fmtY, false, (b) => { chart.box = b; return ticks.map((v, i) => [chart.placeX(v), words[i]]); });
    pen.fillStyle = paint.soft; pen.textAlign = 'right'; pen.textBaseline = 'bottom'; label(pen, spec.xName + ' →', box.right, box.bottom - 5);
    pen.textAlign = 'left'; pen.textBaseline = 'top'; label(pen, '↑ ' + spec.yName, box.left + 6, box.top + 3);
    inside(chart, () => {
      pen.strokeStyle = paint.soft; pen.lineWidth = 1;
      if (spec.diagonal) { pen.setLineDash([4, 4]); pen.beginPath(); pen.moveTo(chart.placeX(Math.max(xlow, ylow)), box.y(Math.max(xlow, ylow))); pen.lineTo(chart.placeX(Math.min(xhigh, yhigh)), box.y(Math.min(xhigh, yhigh))); pen.stroke(); pen.setLineDash([]); }
      if (ylow < 0 && yhigh > 0) { const y = Math.round(box.y(0)) + 0.5; pen.beginPath(); pen.moveTo(box.left, y); pen.lineTo(box.right, y); pen.stroke(); }
      const size = chart.x.length > 2000 ? 1.8 : chart.x.length > 300 ? 2.4 : 3.4, alpha = chart.x.length > 2000 ? 0.45 : 0.65;
      for (let k = 0; k < chart.x.length; k++) mark(chart, k, size, alpha);
      if (spec.best !== undefined) ring(chart, spec.best, paint.ink);
      if (chart.hot >= 0) ring(chart, chart.hot, paint.ink);
    });
  },
  nearest(chart, x, y) {
    let best = -1, gap = 144;
    if (!chart.box) return best;
    for (let k = 0; k < chart.x.length; k++) {
      const dx = chart.placeX(chart.x[k]) - x, dy = chart.box.y(chart.y[k]) - y, d = dx * dx + dy * dy;
      if (d < gap) { gap = d; best = k; }
    }
    return best;
  },
  words(chart, k) {
    const { spec } = chart;
    const lines = [`${spec.xName}  ${written(chart.x[k], spec.fmtX)}`, `${spec.yName}  ${written(chart.y[k], spec.fmtY)}`];
    for (const e of chart.extra) lines.push(`${e.name}  ${e.words ? e.words[e.values[k]] : e.fmt === 'time' ? clock(chart.spec.t0 + e.values[k] * chart.spec.unit) : written(e.values[k], e.fmt)}`);
    return lines;
  },
};
function mark(chart, k, size, alpha) {
  const { pen, box } = chart;
  const x = chart.placeX(chart.x[k]), y = box.y(chart.y[k]);
  if (!(x === x) || !(y === y)) return;
  const good = !chart.tone || chart.tone[k] > 0;
  if (good) { pen.fillStyle = faded(paint.plus, alpha); pen.beginPath(); pen.arc(x, y, size, 0, 7); pen.fill(); } else {
    pen.strokeStyle = faded(paint.minus, alpha); pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(x - size, y - size); pen.lineTo(x + size, y + size); pen.moveTo(x + size, y - size); pen.lineTo(x - size, y + size); pen.stroke();
  }
}
function ring(chart, k, colour) {
  const { pen, box } = chart;
  pen.strokeStyle = colour; pen.lineWidth = 1.8; pen.beginPath(); pen.arc(chart.placeX(chart.x[k]), box.y(chart.y[k]), 6, 0, 7); pen.stroke();
}
