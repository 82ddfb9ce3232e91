// Parameter sets of a sweep: a heat map of any two parameters, and all parameters side by side.
const shade = (v, most) => (v >= 0 ? paint.plus : paint.minus) + Math.round((0.08 + 0.92 * Math.min(Math.abs(v) / most, 1)) * 255).toString(16).padStart(2, '0');
const drawHeat = {
  begin(chart, columns) {
    chart.pairs = chart.spec.pairs.map((p) => ({ ...p, values: columns[p.v] }));
    chart.at = 0;
    const pick = chart.figure.querySelector('[data-do="pick"]');
    if (pick) {
      pick.setAttribute('aria-label', 'Parameters');
      chart.pairs.forEach((p, k) => pick.append(new Option(`${p.x} and ${p.y}`, k)));
      pick.hidden = chart.pairs.length < 2;
      pick.addEventListener('change', () => { chart.at = Number(pick.value); chart.redraw(); });
    }
    chart.canvas.addEventListener('pointermove', (event) => showTip(drawHeat.says(chart, event.offsetX, event.offsetY), event.clientX, event.clientY));
    chart.canvas.addEventListener('pointerleave', () => showTip());
  },
  draw(chart) {
    const { pen, w, h } = chart, pair = chart.pairs[chart.at];
    let most = 0;
    for (const v of pair.values) if (Math.abs(v) > most) most = Math.abs(v);
    const left = Math.min(Math.max(30, ...pair.ys.map((t) => pen.measureText(t).width)) + 12, w * 0.3);
    const box = chart.box = { left, right: w - 6, top: 16, bottom: h - 34 };
    const cw = (box.right - box.left) / pair.xs.length, ch = (box.bottom - box.top) / pair.ys.length;
    for (let i = 0; i < pair.xs.length; i++) for (let j = 0; j < pair.ys.length; j++) {
      const v = pair.values[i * pair.ys.length + j];
      if (!(v === v)) continue;
      pen.fillStyle = shade(v, most || 1);
      pen.fillRect(box.left + i * cw, box.bottom - (j + 1) * ch, Math.max(cw - 1, 0.5), Math.max(ch - 1, 0.5));
    }
    if (pair.best) { pen.strokeStyle = paint.ink; pen.lineWidth = 2; pen.strokeRect(box.left + pair.best[0] * cw, box.bottom - (pair.best[1] + 1) * ch, cw - 1, ch - 1); }
    pen.fillStyle = paint.soft; pen.textBaseline = 'middle'; pen.textAlign = 'right';
    const every = Math.ceil(16 / ch);
    pair.ys.forEach((word, j) => { if (j % every === 0) pen.fillText(word, box.left - 6, box.bottom - (j + 0.5) * ch, left - 8); });
    pen.textBaseline = 'top'; pen.textAlign = 'center';
    let free = -1e9;
    pair.xs.forEach((word, i) => {
      const x = box.left + (i + 0.5) * cw, half = Math.min(pen.measureText(word).width / 2, 60);
      if (x - half > free + 8 && x + half <= w) { pen.fillText(word, x, box.bottom + 5, 120); free = x + half; }
    });
    pen.fillText(`${pair.x} →`, (box.left + box.right) / 2, box.bottom + 20);
    pen.textAlign = 'left'; pen.fillText(`↑ ${pair.y}`, 2, 0);
    let low = Infinity, high = -Infinity;
    for (const v of pair.values) { if (v < low) low = v; if (v > high) high = v; }
    if (high >= low) {
      const words = [low, high].map((v) => written(v, chart.spec.fmt)), wide = 90, end = box.right - pen.measureText(words[1]).width - 6;
      for (let x = 0; x < wide; x++) { pen.fillStyle = shade(low + (high - low) * x / (wide - 1), most || 1); pen.fillRect(end - wide + x, 1, 1, 10); }
      pen.fillStyle = paint.soft; pen.textAlign = 'right'; pen.fillText(words[1], box.right, 0); pen.fillText(words[0], end - wide - 6, 0);
    }
  },
  says(chart, x, y) {
    const { box } = chart, pair = chart.pairs[chart.at];
    if (!box) return null;
    const i = Math.floor((x - box.left) / (box.right - box.left) * pair.xs.length), j = Math.floor((box.bottom - y) / (box.bottom - box.top) * pair.ys.length);
    if (i < 0 || j < 0 || i >= pair.xs.length || j >= pair.ys.length) return null;
    return [`${pair.x}  ${pair.xs[i]}`, `${pair.y}  ${pair.ys[j]}`, `${chart.spec.name}  ${written(pair.values[i * pair.ys.length + j], chart.spec.fmt)}`];
  },
};

// One line a set through one axis a parameter, coloured by its figure. Dragging along an axis keeps only what passes there.
const drawParallel = {
  begin(chart, columns) {
    chart.axes = chart.spec.axes.map((a) => {
      const values = columns[a.col];
      let low = Infinity, high = -Infinity;
      for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
      return { ...a, values, low, high: high > low ? high : low + 1, keep: null };
    });
    chart.tone = columns[chart.spec.tone];
    chart.order = Array.from(chart.tone, (_, k) => k).sort((p, q) => (chart.tone[p] || -1e300) - (chart.tone[q] || -1e300));
    const { canvas } = chart;
    let from = null;
    const axisAt = (x) => chart.axes.findIndex((_, k) => Math.abs(drawParallel.x(chart, k) - x) < 14);
    canvas.addEventListener('pointerdown', (event) => { const k = axisAt(event.offsetX); if (k >= 0) { from = { k, y: event.offsetY }; canvas.setPointerCapture(event.pointerId); } });
    canvas.addEventListener('pointermove', (event) => {
      if (from) { const a = chart.axes[from.k]; a.keep = [from.y, event.offsetY].map((y) => drawParallel.v(chart, a, y)).sort((p, q) => p - q); chart.redraw(); return; }
      chart.hot = drawParallel.nearest(chart, event.offsetX, event.offsetY);
      chart.redraw();
      showTip(chart.hot < 0 ? null : drawParallel.says(chart, chart.hot), event.clientX, event.clientY);
    });
    canvas.addEventListener('pointerup', (event) => { if (from && Math.abs(event.offsetY - from.y) < 4) chart.axes[from.k].keep = null; from = null; chart.redraw(); });
    canvas.addEventListener('pointerleave', () => { chart.hot = -1; chart.redraw(); showTip(); });
    chart.hot = -1;
  },
  x: (chart, k) => 44 + k * (chart.w - 88) / Math.max(chart.axes.length - 1, 1),
  y: (chart, a, v) => chart.h - 22 - (v - a.low) / (a.high - a.low) * (chart.h - 62),
  v: (chart, a, y) => a.low + (chart.h - 22 - y) / (chart.h - 62) * (a.high - a.low),
  kept: (chart, k) => chart.axes.every((a) => !a.keep || (a.values[k] >= a.keep[0] && a.values[k] <= a.keep[1])),
  draw(chart) {
    const { pen, axes, tone } = chart;
    let most = 0, shown = 0;
    for (const v of tone) if (Math.abs(v) > most) most = Math.abs(v);
    const alpha = Math.max(0.06, Math.min(0.8, 60 / tone.length));
    const line = (k) => { pen.beginPath(); axes.forEach((a, i) => { const x = drawParallel.x(chart, i), y = drawParallel.y(chart, a, a.values[k]); if (i) pen.lineTo(x, y); else pen.moveTo(x, y); }); pen.stroke(); };
    for (const k of chart.order) {
      if (!drawParallel.kept(chart, k)) continue;
      shown++;
      const v = tone[k], strong = Math.min(Math.abs(v) / (most || 1), 1);
      pen.lineWidth = 1; pen.strokeStyle = v === v ? faded(v >= 0 ? paint.plus : paint.minus, alpha * (0.25 + 0.75 * strong)) : faded(paint.c6, 0.05);
      line(k);
    }
    for (const [k, colour] of [[chart.spec.best ?? -1, paint.ink], [chart.hot, paint.c3]]) if (k >= 0) { pen.lineWidth = 2.4; pen.strokeStyle = colour; line(k); }
    pen.lineWidth = 1;
    axes.forEach((a, i) => {
      const x = drawParallel.x(chart, i);
      pen.strokeStyle = paint.soft; pen.beginPath(); pen.moveTo(x + 0.5, 40); pen.lineTo(x + 0.5, chart.h - 22); pen.stroke();
      pen.fillStyle = paint.ink; pen.textAlign = 'center'; pen.textBaseline = 'top';
      const room = (chart.w - 88) / Math.max(axes.length - 1, 1) - 8;
      const most = Math.max(room * 1.6, 40), half = Math.min(pen.measureText(a.name).width, most) / 2;
      pen.fillText(a.name, Math.min(Math.max(x, half), chart.w - half), (i % 2 && room < 90) ? 0 : 12, most);
      pen.fillStyle = paint.soft;
      const words = a.words ? [a.words[0], a.words[a.words.length - 1]] : [a.low, a.high].map((v) => written(v, a.fmt || 'price'));
      pen.fillText(words[1], x, 26, room); pen.fillText(words[0], x, chart.h - 16, room);
      pen.textAlign = 'left';
      if (a.words && a.words.length < 9) a.words.slice(1, -1).forEach((word, k) => pen.fillText(word, x + 4, drawParallel.y(chart, a, k + 1) - 14, room));
      if (a.keep) { pen.fillStyle = faded(paint.c3, 0.35); const y1 = drawParallel.y(chart, a, a.keep[1]), y2 = drawParallel.y(chart, a, a.keep[0]); pen.fillRect(x - 6, y1, 12, y2 - y1); }
    });
    chart.canvas.dataset.shown = shown;
  },
  nearest(chart, x, y) {
    const gap = (chart.w - 88) / Math.max(chart.axes.length - 1, 1), i = Math.min(Math.max(Math.floor((x - 44) / gap), 0), Math.max(chart.axes.length - 2, 0));
    const share = Math.min(Math.max((x - 44 - i * gap) / gap, 0), 1), a = chart.axes[i], b = chart.axes[Math.min(i + 1, chart.axes.length - 1)];
    let best = -1, least = 9;
    for (let n = chart.order.length - 1; n >= 0; n--) {
      const k = chart.order[n];
      if (!drawParallel.kept(chart, k)) continue;
      const d = Math.abs(drawParallel.y(chart, a, a.values[k]) * (1 - share) + drawParallel.y(chart, b, b.values[k]) * share - y);
      if (d < least) { least = d; best = k; }
    }
    return best;
  },
  says(chart, k) {
    return [...chart.axes.map((a) => `${a.name}  ${a.words ? a.words[a.values[k]] : written(a.values[k], a.fmt || 'price')}`)];
  },
};
